package config

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// oneOf is one of several words.
func oneOf(field *string, words ...string) Value {
	return Value{Kind: Word, Words: words, decode: func(r *reader, at place, node *yaml.Node) {
		s, ok := text(node)
		if !ok || !slices.Contains(words, s) {
			r.wrong(at, node, strings.Join(words[:len(words)-1], ", ")+" or "+words[len(words)-1])
			return
		}
		*field = s
	}}
}

// orNone is value, or the empty text, which leaves field zero: an app can turn off what
// stands beside apps.
func orNone[T any](value Value, field *T) Value {
	decode := value.decode
	value.None = true
	value.decode = func(r *reader, at place, node *yaml.Node) {
		if s, ok := text(node); ok && s == "" {
			*field = *new(T)
			return
		}
		decode(r, at, node)
	}
	return value
}

// fileOr is a path at which there need not be a file, or a word that stands for itself.
func fileOr(field *string, word string) Value {
	return Value{Kind: Path, Words: []string{word}, decode: func(r *reader, at place, node *yaml.Node) {
		if s, ok := text(node); ok && s == word {
			*field = word
			return
		}
		if path, ok := r.path(at, node); ok {
			*field = path
		}
	}}
}
