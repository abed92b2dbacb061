package config

import (
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// A reader turns one file into a Config and gathers what is wrong with it.
type reader struct {
	dir      string // absolute; relative paths start here
	config   Config
	set      map[string]place // where each key's value comes from, if not the default
	bad      map[string]bool  // keys with a problem; no rule looks at their value
	problems []Problem
}

func newReader(dir string) *reader {
	return &reader{dir: dir, config: Default(), set: map[string]place{}, bad: map[string]bool{}}
}

// A place is where a value stands: a key of the file and its line, or a
// variable of the environment and line 0.
type place struct {
	key  string
	line int
}

// item is the place of the element of a list, which starts at line.
func (p place) item(index, line int) place {
	return place{key: fmt.Sprintf("%s[%d]", p.key, index), line: line}
}

// problem records what is wrong at a place.
func (r *reader) problem(at place, format string, args ...any) {
	r.problems = append(r.problems, Problem{Line: at.line, Key: at.key, Text: fmt.Sprintf(format, args...)})
	key, _, _ := strings.Cut(at.key, "[")
	r.bad[key] = true
}

// wrong records that node is not what its key takes.
func (r *reader) wrong(at place, node *yaml.Node, want string) {
	r.problem(at, "must be %s; got %s", want, describe(node))
}

// mapping reads a mapping whose keys are in the table. Its prefix is empty or
// the key of the mapping itself with a dot.
//
// A null value, as of "env:" with nothing but comments below it, stands for
// the default.
func (r *reader) mapping(prefix string, node *yaml.Node, table []key) {
	listed := false // the names, which are worth reading only once
	r.pairs(prefix, node, func(at place, name string, value *yaml.Node) {
		k, ok := find(table, name)
		if !ok {
			if near := nearest(name, table); near != "" {
				r.problem(at, "unknown key; did you mean %s?", near)
			} else if !listed {
				r.problem(at, "unknown key; the keys are %s", names(table))
				listed = true
			} else {
				r.problem(at, "unknown key")
			}
			return
		}
		r.set[at.key] = at
		switch {
		case isNull(value):
			delete(r.set, at.key)
		case k.keys == nil:
			k.decode(r, at, value)
		case value.Kind == yaml.MappingNode:
			r.mapping(at.key+".", value, k.keys)
		default:
			r.wrong(at, value, "a mapping with the keys "+names(k.keys))
		}
	})
}

// pairs calls do with the name and the value of each pair of a mapping that
// has a proper name. An alias is replaced by what it stands for.
func (r *reader) pairs(prefix string, node *yaml.Node, do func(at place, name string, value *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], resolve(node.Content[i+1])
		at := place{key: strings.TrimSuffix(prefix, "."), line: name.Line}
		if name.Kind != yaml.ScalarNode {
			r.problem(at, "must have plain names for keys; got %s", describe(name))
			continue
		}
		at.key = prefix + display(name.Value)
		line, again := seen[name.Value]
		seen[name.Value] = name.Line
		switch {
		case name.ShortTag() == "!!merge":
			r.problem(at, "merging is not supported; write the keys out")
		case again:
			r.problem(at, "is already set on line %d; keep one of the two", line)
		default:
			do(at, name.Value, value)
		}
	}
}

// resolve returns the node an alias stands for, or node itself.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// describe names what was found, for a message.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		return "a list"
	case yaml.MappingNode:
		return "a mapping"
	case yaml.AliasNode:
		return "an alias"
	}
	switch node.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!str":
		return quote(node.Value)
	case "!!int", "!!float", "!!bool", "!!timestamp":
		return display(node.Value)
	}
	return quote(node.ShortTag() + " " + node.Value)
}

// plain is what a message can show as it is.
var plain = regexp.MustCompile(`^[\w.+:/<{}-]{1,60}$`)

// display returns a key or a number for a message: as it is, if it is a plain
// word, and quoted otherwise.
func display(s string) string {
	if plain.MatchString(s) {
		return s
	}
	return quote(s)
}

// plainPath is plain at any length: the end of a path matters most.
var plainPath = regexp.MustCompile(`^[\w.+:/<{}-]+$`)

// displayPath returns a path for a message, whole.
func displayPath(s string) string {
	if plainPath.MatchString(s) {
		return s
	}
	return fmt.Sprintf("%q", s)
}

// quote returns s in quotes, on one line and cut to a readable length.
func quote(s string) string {
	const limit = 60
	if runes := []rune(s); len(runes) > limit {
		s = string(runes[:limit]) + "…"
	}
	return fmt.Sprintf("%q", s)
}
