package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// A reader turns one file into a Config and gathers what is wrong with it.
type reader struct {
	dir      string // absolute; relative paths start here
	config   Config
	set      map[string]place // where each key's value comes from, if not the default
	bad      map[string]bool  // keys with a problem; the rules skip them
	apps     *yaml.Node       // the mapping of apps; nil if there is none
	problems []Problem

	source   source                // of variables
	envFiles map[string]bool       // the keys envFile whose files were read
	written  map[*yaml.Node]string // the texts of values in which variables were replaced, as in the file
	secrets  map[string]string     // the values of variables, with the text that stands for each
}

func newReader(dir string, getenv func(string) string) *reader {
	return &reader{
		dir: dir, config: Default(), set: map[string]place{}, bad: map[string]bool{},
		source: source{getenv: getenv}, envFiles: map[string]bool{}, written: map[*yaml.Node]string{}, secrets: map[string]string{},
	}
}

// A place says where a value comes from: a key of the file and its line, or a
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
	p := Problem{Line: at.line, Key: at.key, Text: r.hide(fmt.Sprintf(format, args...))}
	if !slices.Contains(r.problems, p) { // several apps may have it from the same key
		r.problems = append(r.problems, p)
	}
	key, _, _ := strings.Cut(at.key, "[")
	r.bad[key] = true
}

// wrong records that node is not of the form that its key takes.
func (r *reader) wrong(at place, node *yaml.Node, want string) {
	if text, ok := r.written[node]; ok && text != "" {
		r.problem(at, "must be %s; got what %s stands for", want, quote(text))
		return
	}
	r.problem(at, "must be %s; got %s", want, describe(node))
}

// mapping reads a mapping whose keys are in the table. Its prefix is empty, or the
// key of the mapping itself and a dot.
//
// A null value, such as that of "env:" with only comments below it, stands for the
// default.
func (r *reader) mapping(prefix string, node *yaml.Node, table []Key) {
	namesTold := false // all names are listed in the first problem only
	r.pairs(prefix, node, func(at place, name string, value *yaml.Node) {
		k, ok := find(table, name)
		if !ok {
			r.unknown(at, name, table, &namesTold)
			return
		}
		r.set[at.key] = at
		if k.Keys == nil {
			if value, ok = r.substitute(at, &k, value); !ok {
				return
			}
		}
		switch {
		case isNull(value):
			delete(r.set, at.key)
		case k.Keys == nil:
			k.Value.decode(r, at, value)
		case value.Kind == yaml.MappingNode:
			r.mapping(at.key+".", value, k.Keys)
		case k.Short != "" && value.Kind == yaml.ScalarNode && value.Value == k.Short:
			word, _ := find(k.Keys, k.Short)
			here := place{key: at.key + "." + k.Short, line: at.line}
			r.set[here.key] = here
			word.Value.decode(r, here, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
		case k.Short != "":
			r.wrong(at, value, fmt.Sprintf("%s, or a mapping with the keys %s", k.Short, names(k.Keys)))
		default:
			r.wrong(at, value, "a mapping with the keys "+names(k.Keys))
		}
	})
}

// ofRoutes are the keys that say which requests are those of one of several apps.
var ofRoutes = []string{"hosts", "paths", "strip"}

// unknown reports a key that is not in the table. namesTold tells that a problem lists
// its names already.
func (r *reader) unknown(at place, name string, table []Key, namesTold *bool) {
	switch near := nearest(name, table); {
	case r.isShared(at, name):
		r.problem(at, "belongs beside apps: it is one for all of them")
	case slices.Contains(ofRoutes, at.key):
		r.problem(at, "belongs to an app: write it under apps, such as apps: {web: {%s: ...}}", name)
	case near != "":
		r.problem(at, "unknown key; did you mean %s?", near)
	case !*namesTold:
		r.problem(at, "unknown key; the keys are %s", names(table))
		*namesTold = true
	default:
		r.problem(at, "unknown key")
	}
}

// pairs calls do with the name and the value of each pair of a mapping, and
// reports pairs whose names are not valid. An alias is replaced by its value.
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
			r.problem(at, "merge keys are not supported; write the keys out")
		case again:
			r.problem(at, "is already set on line %d; keep one of the two", line)
		default:
			do(at, name.Value, value)
		}
	}
}

// resolve returns the node that an alias refers to, or node itself.
func resolve(node *yaml.Node) *yaml.Node {
	if node.Kind == yaml.AliasNode {
		return node.Alias
	}
	return node
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

// describe names the value of a node, for a message.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.SequenceNode:
		if len(node.Content) == 0 {
			return "an empty list"
		}
		return "a list"
	case yaml.MappingNode:
		if len(node.Content) == 0 {
			return "an empty mapping"
		}
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

// plain matches a text that a message can show without quotes.
var plain = pattern.New(`^[\w.+:/<{}-]{1,60}$`)

// display returns a key or a number for a message, in quotes unless it is a plain
// word.
func display(s string) string {
	if plain().MatchString(s) {
		return s
	}
	return quote(s)
}

// plainPath is plain at any length: the end of a path says the most.
var plainPath = pattern.New(`^[\w.+:/<{}-]+$`)

// displayPath returns a path for a message, never cut.
func displayPath(s string) string {
	if plainPath().MatchString(s) {
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
