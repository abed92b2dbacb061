package config

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/dotenv"
	"github.com/dynlb/dynlb/internal/pattern"
)

// reference matches ${NAME}, ${NAME:-default}, another text that begins with "${", and the
// escape "$${".
var reference = pattern.New(`\$\$\{|\$\{([A-Za-z_]\w*)(:-[^{}]*)?\}|\$\{`)

// minSecret is the length from which on the value of a variable does not stand in messages.
// What is shorter is no secret, and is part of many other words.
const minSecret = 4

// A source says where variables come from: those of envFile, and else the environment.
type source struct {
	file   map[string]string
	getenv func(string) string // nil: an empty environment
}

// lookup returns the value of a variable, "" for one that is not set. inFile tells where
// it comes from.
func (s source) lookup(name string) (value string, inFile bool) {
	if value := s.file[name]; value != "" {
		return value, true
	}
	if s.getenv == nil {
		return "", false
	}
	return s.getenv(name), false
}

// substitute returns a value with the variables in its texts replaced, and whether all of
// them are set. The original is not changed: an alias may stand for it elsewhere. Texts are
// strings afterwards if the key takes nothing else; others are what YAML makes of them.
func (r *reader) substitute(at place, k *Key, node *yaml.Node) (out *yaml.Node, ok bool) {
	if k.Value.Kind == Apps { // they are read with variables of their own
		return node, true
	}
	texts := k.Value.Kind == Environment || k.Value.Kind == Command || k.Value.Kind == Fields
	s := substitution{reader: r, texts: texts, done: map[*yaml.Node]*yaml.Node{}, ok: true}
	out = s.of(at, node)
	return out, s.ok
}

// substitution is that of the variables in one value.
type substitution struct {
	*reader
	texts bool
	// done has what stands for each node. An alias may stand for a node many times, and
	// for one that it is in itself.
	done map[*yaml.Node]*yaml.Node
	ok   bool
}

// of returns a node with its variables replaced.
func (s *substitution) of(at place, node *yaml.Node) (out *yaml.Node) {
	if _, written := s.written[node]; written {
		return node
	}
	if out, done := s.done[node]; done {
		return out
	}
	s.done[node] = node
	switch node.Kind {
	case yaml.AliasNode:
		out = s.of(at, node.Alias)
	case yaml.ScalarNode:
		at.line = node.Line
		out = s.text(at, node)
	default:
		out = s.collection(at, node)
	}
	s.done[node] = out
	return out
}

// collection returns a list or a mapping with the variables in its values replaced.
func (s *substitution) collection(at place, node *yaml.Node) (out *yaml.Node) {
	out = node
	for i, child := range node.Content {
		here := at
		switch {
		case node.Kind == yaml.SequenceNode:
			here = at.item(i, child.Line)
		case i%2 == 0:
			continue // a name
		default:
			here.key += "." + display(node.Content[i-1].Value)
		}
		next := s.of(here, child)
		if next == child || child.Kind == yaml.AliasNode && next == child.Alias {
			continue
		}
		if out == node {
			out = new(*node)
			out.Content = slices.Clone(node.Content)
			s.written[out] = ""
		}
		out.Content[i] = next
	}
	return out
}

// text replaces the variables in one text.
func (s *substitution) text(at place, node *yaml.Node) *yaml.Node {
	if !strings.Contains(node.Value, "${") {
		return node
	}
	text := reference().ReplaceAllStringFunc(node.Value, func(found string) string {
		value, problem := s.value(found)
		if problem != "" {
			s.problem(at, "%s", problem)
			s.ok = false
		}
		return value
	})
	out := new(*node)
	out.Value = text
	switch plain := node.Style&^yaml.FlowStyle == 0; {
	case s.texts:
		out.Tag = "!!str"
	case plain:
		out.Tag = "" // it follows from the value
	}
	s.written[out] = node.Value
	return out
}

// value returns what a match of reference stands for, or why it stands for nothing.
func (r *reader) value(found string) (value, problem string) {
	m := reference().FindStringSubmatch(found)
	name, fallback, hasFallback := m[1], strings.TrimPrefix(m[2], ":-"), m[2] != ""
	switch {
	case found == "$${":
		return "${", ""
	case name == "":
		return "", "must have ${NAME} or ${NAME:-default} after $; for a ${ of its own, such as for a shell, write $${"
	case isPlaceholder("{" + name + "}"):
		return "", fmt.Sprintf("${%[1]s} is not a placeholder; write {%[1]s}", name)
	}
	value, inFile := r.source.lookup(name)
	if strings.ContainsRune(value, 0) {
		return "", "must not use ${" + name + "}: its value has a zero byte"
	}
	switch {
	case value == "" && hasFallback:
		return fallback, ""
	case value == "" && name == "PORT":
		return "", "needs PORT, which is not set; for the port of an instance write {port}, and for a shell that an instance runs $${PORT}"
	case value == "":
		return "", fmt.Sprintf("needs the variable %[1]s, which is not set or empty; set it in envFile or in the environment of dynlb, or write ${%[1]s:-default}", name)
	case !inFile && !slices.Contains(r.config.Inherited, name):
		r.config.Inherited = append(r.config.Inherited, name)
	}
	if len(value) >= minSecret {
		r.secrets[value] = "${" + name + "}"
	}
	return value, ""
}

// hide returns a message with the names of variables for their values. A value that contains
// another one is replaced as a whole.
func (r *reader) hide(message string) string {
	values := slices.SortedFunc(maps.Keys(r.secrets), func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	pairs := make([]string, 0, 2*len(values))
	for _, value := range values {
		pairs = append(pairs, value, r.secrets[value])
	}
	return strings.NewReplacer(pairs...).Replace(message)
}

// textOf returns a text as the file has it.
func (r *reader) textOf(node *yaml.Node) string {
	if text, ok := r.written[node]; ok {
		return text
	}
	return node.Value
}

// envFileKey is the key of the file of variables of an app.
func envFileKey(a *App) Key {
	return Key{
		Name: "envFile", Value: variablesFile(a), Example: ".env", Change: RollingRestart,
		Meaning: "A file with lines of `NAME=value`, as `.env` files have them: environment variables of the instances, on top of the inherited ones and below `env`, and values for `${NAME}` in this file. It is read again when it changes. Nothing in it is replaced, and `PORT` in it has no effect. Unset, or `\"\"`: there is none.",
	}
}

// variablesFile is the path of a file of variables, which is read.
func variablesFile(a *App) Value {
	value := orNone(checked(&a.EnvFile, func(path string) error {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w", displayPath(path), cause(err))
		}
		if a.FileEnv, err = dotenv.Parse(string(data)); err != nil {
			return fmt.Errorf("%s: %w", displayPath(path), err)
		}
		return nil
	}), &a.EnvFile)
	decode := value.decode
	value.decode = func(r *reader, at place, node *yaml.Node) {
		if r.envFiles[at.key] { // by readVariables; the file may be another one by now
			return
		}
		r.envFiles[at.key] = true
		a.FileEnv = nil
		decode(r, at, node)
	}
	return value
}

// readVariables reads the envFile of a mapping before its other keys, as they may use its
// variables. Its own path may use those that are known so far.
func (r *reader) readVariables(prefix string, node *yaml.Node, a *App) {
	table := []Key{envFileKey(a)}
	r.mapping(prefix, only(node, table), table)
	r.source.file = a.FileEnv
}
