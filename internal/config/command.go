package config

import (
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// The placeholders of a command.
const (
	locationPlaceholder = "{location}"
	portPlaceholder     = "{port}"
)

// defaultCommand starts an app that is only known by its location.
func defaultCommand() []string {
	return []string{"bun", "run", locationPlaceholder, "--port", portPlaceholder}
}

// Argv returns the program and the arguments that start an instance on port,
// with {location} and {port} replaced. Without a Command that is
// "bun run LOCATION --port PORT".
//
// A program that is a relative path, such as ./server, is taken from WorkDir;
// a bare name is left for PATH.
//
// With neither Command nor Location it returns nil: the caller is to run the
// demo backend.
func (c Config) Argv(port int) []string {
	command := c.Command
	if command == nil {
		if c.Location == "" {
			return nil
		}
		command = defaultCommand()
	}
	// One pass: a location with braces in its name is not replaced again.
	replace := strings.NewReplacer(locationPlaceholder, c.Location, portPlaceholder, strconv.Itoa(port))
	argv := make([]string, len(command))
	for i, arg := range command {
		argv[i] = replace.Replace(arg)
	}
	if program := argv[0]; strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		argv[0] = filepath.Join(c.WorkDir, program)
	}
	return argv
}

// command reads an argv. Numbers and booleans in it stand for themselves, as
// they were written.
func command(field *[]string) decoder {
	const want = `a list of strings that starts with a program, such as [bun, run, "{location}", --port, "{port}"]`
	return func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
			r.wrong(at, node, want)
			return
		}
		argv := make([]string, len(node.Content))
		for i, item := range node.Content {
			here := at.item(i, item.Line)
			item = resolve(item)
			arg, ok := word(item)
			switch {
			case !ok && isUnquoted(item):
				r.problem(here, `must be a string; YAML reads {%[1]s} as a mapping, so write "{%[1]s}" in quotes`, item.Content[0].Value)
			case !ok:
				r.wrong(here, item, "a string")
			case i == 0 && arg == "":
				r.wrong(here, item, "a program")
			case i == 0 && isLine(arg):
				r.problem(here, "must be a program; it and each argument are separate items: %s", itemsOf(arg))
			default:
				r.placeholders(here, arg)
			}
			argv[i] = arg
		}
		*field = argv
	}
}

// isLine says whether a program is meant to be a command line: no name has both
// spaces and a placeholder in it.
func isLine(program string) bool {
	return len(strings.Fields(program)) > 1 && (strings.Contains(program, locationPlaceholder) || strings.Contains(program, portPlaceholder))
}

// unquoted is what YAML takes for a string as it is, in a list in brackets.
var unquoted = regexp.MustCompile(`^[\w./-][\w./:=@+-]*$`)

// itemsOf returns a command line as the list it should be.
func itemsOf(line string) string {
	items := strings.Fields(line)
	for i, item := range items {
		if !unquoted.MatchString(item) {
			items[i] = strconv.Quote(item)
		}
	}
	return "[" + strings.Join(items, ", ") + "]"
}

// isUnquoted says whether node is a placeholder without quotes, which YAML
// takes for a mapping of one key to null.
func isUnquoted(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 || !isNull(node.Content[1]) {
		return false
	}
	return node.Content[0].Kind == yaml.ScalarNode && isPlaceholder("{"+node.Content[0].Value+"}")
}

func isPlaceholder(s string) bool { return s == locationPlaceholder || s == portPlaceholder }

// braced matches a word in braces, and the shell's ${word}.
var braced = regexp.MustCompile(`\$?\{[A-Za-z]\w*\}`)

// placeholders reports words in braces that look like a placeholder and are
// none. The shell's ${word} may be meant for a shell, unless it is one of our
// words: then the dollar sign is the mistake.
func (r *reader) placeholders(at place, arg string) {
	for _, found := range braced.FindAllString(arg, -1) {
		bare, shell := strings.CutPrefix(found, "$")
		switch {
		case shell && isPlaceholder(bare):
			r.problem(at, "%s is not a placeholder; write %s", found, bare)
		case !shell && !isPlaceholder(bare):
			r.problem(at, "unknown placeholder %s; there are {location} and {port}", display(bare))
		}
	}
}

// usesLocation says whether a command needs the location.
func usesLocation(command []string) bool {
	for _, arg := range command {
		if strings.Contains(arg, locationPlaceholder) {
			return true
		}
	}
	return false
}
