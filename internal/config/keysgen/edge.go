package main

import (
	"strconv"
	"strings"

	"github.com/dynlb/dynlb/internal/config"
)

// fieldPattern is that of the name of a header field.
const fieldPattern = "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"

// edgeNode returns the schema of a value of the keys in config.Edge, and of a Path.
func edgeNode(v config.Value) node {
	switch v.Kind {
	case config.FieldName:
		return textNode(v, fieldPattern)
	case config.FieldNames:
		return node{Type: "array", Items: &node{Type: "string", Pattern: fieldPattern}}
	case config.Fields:
		text := node{Type: []string{"string", "number", "boolean"}}
		return node{Type: "object", PropertyNames: &node{Pattern: fieldPattern}, AdditionalProperties: text}
	case config.PerTime:
		return textNode(v, "^[1-9][0-9]{0,8}/[smh]$")
	case config.Page:
		return node{Type: []string{"boolean", "string"}, MinLength: 1}
	case config.Pages:
		path := node{Type: "string", MinLength: 1}
		return node{Type: "object", PropertyNames: &node{Pattern: "^(" + statuses() + "default)$"}, AdditionalProperties: path}
	case config.Word:
		return node{Type: "string", Pattern: "^(" + strings.Join(v.Words, "|") + ")$"}
	default: // Path
		if v.None {
			return node{Type: "string"}
		}
		return node{Type: "string", MinLength: 1}
	}
}

// statuses returns those of pages in the form of a pattern, each with a bar after it.
func statuses() string {
	var b strings.Builder
	for _, code := range config.PageStatuses {
		b.WriteString(strconv.Itoa(code) + "|")
	}
	return b.String()
}

// textNode returns the schema of a text with a pattern.
func textNode(v config.Value, pattern string) node {
	if v.None {
		pattern = "^$|" + pattern
	}
	return node{Type: "string", Pattern: pattern}
}

// edgeTakes says what such a value may be.
func edgeTakes(v config.Value) string {
	words := "`" + strings.Join(v.Words, "` or `") + "`"
	switch {
	case v.Kind == config.FieldNames:
		return "list of header fields"
	case v.Kind == config.Fields:
		return "header fields and values"
	case v.Kind == config.PerTime:
		return "number per `s`, `m` or `h`"
	case v.Kind == config.Page:
		return "true, false, or a path"
	case v.Kind == config.Pages:
		return "statuses and paths"
	case v.Kind == config.Word:
		return words
	case v.Words != nil:
		return string(v.Kind) + ", or " + words
	default:
		return string(v.Kind)
	}
}
