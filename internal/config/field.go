package config

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// token is the form of the name of a field (RFC 9110, 5.1).
var token = pattern.New("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ownFields are the fields that dynlb writes itself, or that concern one connection.
var ownFields = []string{
	"connection", "content-length", "date", "expect", "forwarded", "host", "http2-settings", "keep-alive", "proxy-authenticate",
	"proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-forwarded-for",
	"x-forwarded-host", "x-forwarded-proto", "x-real-ip",
}

// fieldName is the name of a header field that dynlb does not write itself.
func fieldName(field *string) Value {
	return Value{Kind: FieldName, decode: func(r *reader, at place, node *yaml.Node) {
		if s, ok := r.fieldName(at, node); ok {
			*field = s
		}
	}}
}

// fieldNames is a list of names of header fields.
func fieldNames(list *[]string) Value {
	return Value{Kind: FieldNames, decode: func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.SequenceNode {
			r.wrong(at, node, "a list of header fields, such as [Server]")
			return
		}
		var names []string
		for i, item := range node.Content {
			if s, ok := r.fieldName(at.item(i, item.Line), resolve(item)); ok {
				names = append(names, s)
			}
		}
		*list = names
	}}
}

// maxFieldValue bounds the value of a field: heads are not made for more.
const maxFieldValue = 4 << 10

// fields is a mapping of header fields to their values.
func fields(field *map[string]string) Value {
	return Value{Kind: Fields, decode: func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.MappingNode {
			r.wrong(at, node, "a mapping of header fields to values")
			return
		}
		all := map[string]string{}
		lower := map[string]bool{}
		r.pairs(at.key+".", node, func(at place, name string, value *yaml.Node) {
			text, ok := word(value)
			invalid := strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
			switch {
			case !ok || invalid || len(text) > maxFieldValue || text != strings.TrimSpace(text):
				r.wrong(at, value, "a text of ASCII on one line, without space around it")
			case !token().MatchString(name):
				r.problem(at, "must be the name of a header field")
			case slices.Contains(ownFields, strings.ToLower(name)):
				r.problem(at, "must not be set: dynlb writes it itself")
			case lower[strings.ToLower(name)]:
				r.problem(at, "is already set, in other letters")
			default:
				lower[strings.ToLower(name)] = true
				all[name] = text
			}
		})
		*field = nil
		if len(all) > 0 {
			*field = all
		}
	}}
}

// fieldName returns the name of a field that node holds.
func (r *reader) fieldName(at place, node *yaml.Node) (string, bool) {
	s, ok := text(node)
	switch {
	case !ok || !token().MatchString(s) || len(s) > 100:
		r.wrong(at, node, "the name of a header field, such as X-Request-Id")
	case slices.Contains(ownFields, strings.ToLower(s)):
		r.problem(at, "must not be %s, which dynlb writes itself", s)
	default:
		return s, true
	}
	return "", false
}
