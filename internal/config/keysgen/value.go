package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/config"
)

// The patterns of texts that config accepts.
const (
	amount         = `([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|[uµμ]s|ms|s|m|h)`
	anyDuration    = `^\+?(0|(` + amount + `)+)$`
	aboveZero      = `^\+?(` + amount + `)+$`
	sizePattern    = `^([0-9]{1,18}(B|KiB|MiB|GiB|TiB|kB|MB|GB|TB))$`
	addressPattern = `^(\[[^\]]+\]|[A-Za-z0-9._-]*):[0-9]{1,5}$`
	namePattern    = `^[A-Za-z_][A-Za-z0-9_]*$`
	appPattern     = `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`
)

// valueNode returns the schema of a value. It accepts everything that config
// does, and refuses what a schema can.
func valueNode(v config.Value) node {
	low, high := bounds(v)
	word := &node{Type: []string{"string", "number", "boolean"}}
	switch v.Kind {
	case config.Integer:
		if v.Auto {
			return node{Type: []string{"integer", "string"}, Minimum: low, Maximum: high, Pattern: "^auto$"}
		}
		return node{Type: "integer", Minimum: low, Maximum: high}
	case config.Number:
		if v.Above {
			return node{Type: "number", ExclusiveMinimum: low}
		}
		return node{Type: "number", Minimum: low, Maximum: high}
	case config.Boolean:
		return node{Type: "boolean"}
	case config.Duration:
		pattern := anyDuration
		if v.Min > 0 {
			pattern = aboveZero
		}
		if v.Auto {
			pattern = "^auto$|" + pattern
		}
		return node{Type: []string{"integer", "string"}, Minimum: low, Maximum: high, Pattern: pattern}
	case config.Size:
		return node{Type: []string{"integer", "string"}, Minimum: low, Maximum: high, Pattern: sizePattern}
	case config.Address:
		return textNode(v, addressPattern)
	case config.Target:
		return node{Type: "string", Pattern: "^/"}
	case config.Command:
		return node{Type: "array", Items: word, MinItems: 1}
	case config.Environment:
		own := map[string]any{"enum": []string{"PORT", "DYNLB_APP", "DYNLB_VERSION", "DYNLB_INSTANCE"}}
		return node{Type: "object", PropertyNames: &node{Pattern: namePattern, Not: own}, AdditionalProperties: word}
	case config.URL:
		if v.Plain {
			return node{Type: "string", Pattern: "^https?://"}
		}
		return node{Type: "string", Pattern: "^https://"}
	case config.Apps:
		return node{Type: "object", MinProperties: 1, PropertyNames: &node{Pattern: appPattern}}
	case config.Prefixes:
		return node{Type: "array", Items: &node{Type: "string", Pattern: "^/"}}
	case config.Session:
		return node{Type: []string{"string", "object"}, Pattern: "^(cookie|address)$"}
	case config.Networks, config.Hosts:
		return node{Type: "array", Items: &node{Type: "string", MinLength: 1}}
	case config.List:
		return node{Type: "array"}
	case config.Version:
		return node{Type: []string{"string", "number"}, MinLength: 1}
	case config.Account, config.Name:
		return node{Type: []string{"string", "integer"}, MinLength: 1}
	default:
		return edgeNode(v)
	}
}

// bounds returns the smallest and the largest number that a value may be, nil for
// none.
func bounds(v config.Value) (low, high *int64) {
	low, high = &v.Min, &v.Max
	if v.Zero {
		low = new(int64)
	}
	if v.Max == 0 {
		high = nil
	}
	return low, high
}

// takesAny are the values that the kind alone describes.
var takesAny = map[config.Kind]string{
	config.Boolean:     "true or false",
	config.Address:     "host:port",
	config.Target:      "path of a request",
	config.Command:     "list of words",
	config.Environment: "names and values",
	config.Session:     "`cookie`, `address`, or a mapping",
	config.Networks:    "list of networks",
	config.List:        "list of mappings",
	config.Apps:        "names and apps",
	config.Hosts:       "list of hosts",
	config.Prefixes:    "list of paths",
	config.Cron:        "cron expression",
	config.Name:        "name",
	config.Version:     "name of a version",
	config.Account:     "user of this machine",
}

// takes says in a few words what a value may be.
func takes(v config.Value) string {
	switch v.Kind {
	case config.Integer:
		text := fmt.Sprintf("%d to %d", v.Min, v.Max)
		if v.Max == math.MaxInt32 {
			text = fmt.Sprintf("%d or more", v.Min)
		}
		if v.Auto {
			return "`auto`, or " + text
		}
		return text
	case config.Number:
		if v.Above {
			return fmt.Sprintf("number above %d", v.Min)
		}
		if v.Max > 0 {
			return fmt.Sprintf("number, %d to %d", v.Min, v.Max)
		}
		return fmt.Sprintf("number, %d or more", v.Min)
	case config.Duration:
		if v.Auto {
			return "`auto`, or a duration"
		}
		if v.Min == 0 {
			return "duration"
		}
		return "duration, at least " + (time.Duration(v.Min) * time.Millisecond).String()
	case config.Size:
		if v.Zero {
			return "0, or a size of at least " + sizeText(v.Min)
		}
		return "size, " + sizeText(v.Min) + " to " + sizeText(v.Max)
	default:
		if text := takesAny[v.Kind]; text != "" {
			if v.None {
				text += ", or `\"\"`"
			}
			return text
		}
		return edgeTakes(v)
	}
}

// form says how a value that has several forms is written, for an editor.
func form(v config.Value) string {
	switch v.Kind {
	case config.Duration:
		text := " Milliseconds, or a duration such as 5s"
		if v.Min > 0 {
			text += "; at least " + (time.Duration(v.Min) * time.Millisecond).String()
		}
		return text + "."
	case config.Size:
		return " Bytes, or a size such as 8KiB: " + strings.TrimPrefix(takes(v), "size, ") + "."
	case config.Address:
		return " host:port, such as :4000 or 127.0.0.1:4000."
	default:
		return ""
	}
}

// sizeText writes bytes as the config does, in the largest unit of 1024 that
// divides them.
func sizeText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n >= 1024 && n%1024 == 0 && i < len(units)-1 {
		n, i = n/1024, i+1
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// plain removes the backticks of Markdown.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }
