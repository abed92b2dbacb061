package config

import (
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// token is the form of the name of a field (RFC 9110, 5.1).
var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

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

// fieldName returns the name of a field that node holds.
func (r *reader) fieldName(at place, node *yaml.Node) (string, bool) {
	s, ok := text(node)
	switch {
	case !ok || !token.MatchString(s) || len(s) > 100:
		r.wrong(at, node, "the name of a header field, such as X-Request-Id")
	case slices.Contains(ownFields, strings.ToLower(s)):
		r.problem(at, "must not be %s, which dynlb writes itself", s)
	default:
		return s, true
	}
	return "", false
}
