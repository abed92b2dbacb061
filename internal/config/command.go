package config

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dynlb/dynlb/internal/pattern"
)

// The placeholders of a command.
const (
	locationPlaceholder = "{location}"
	portPlaceholder     = "{port}"
	socketPlaceholder   = "{socket}"
)

// commandKeys say how an instance is started.
func commandKeys(a *App) []Key {
	return []Key{
		{
			Name: "command", Value: command(&a.Command, &a.Written), Default: yamlList(defaultCommand()), implied: true, Change: RollingRestart,
			Meaning: "The program and the arguments that start an instance, without a shell. `{location}`, `{version}` and `{port}` are replaced, or `{socket}` for an instance on a Unix socket; `PORT` or `DYNLB_SOCKET` is set in its environment too. A relative program with a slash in its name is taken from `workDir`.",
		},
		envFileKey(a),
		{
			Name: "env", Value: environment(&a.Env, &a.Substituted), Default: "{}", Change: RollingRestart,
			Meaning: "Environment variables of the instances, on top of the inherited ones. Under `apps` they are added to those beside it. `{socket}` and `{version}` in a value are replaced. dynlb itself sets `PORT` or `DYNLB_SOCKET`, `DYNLB_APP` (the name of the app), `DYNLB_VERSION` and `DYNLB_INSTANCE`, a mark that ends with a slash and the id of the instance; `dynlb logs --instance`, `events --instance` and `drain` take it, too.",
		},
		{
			Name: "socket", Value: boolean(&a.Socket), Default: "false", Change: RollingRestart,
			Meaning: "Whether instances listen on a Unix socket that dynlb chooses, in place of a port. `{socket}` in `command` or `env` has the same effect.",
		},
		{
			Name: "workDir", Value: folder(&a.WorkDir), Default: ".", implied: true, Change: RollingRestart,
			Meaning: "The folder that instances run in, relative to the config file.",
		},
	}
}

// defaultCommand starts an app of which only the location is known.
func defaultCommand() []string {
	return []string{"bun", "run", locationPlaceholder, "--port", portPlaceholder}
}

// defaultSocketCommand is defaultCommand for an app on a Unix socket, which it finds in
// DYNLB_SOCKET.
func defaultSocketCommand() []string { return []string{"bun", "run", locationPlaceholder} }

// Argv returns the program and the arguments that start an instance on port,
// with {location} and {port} replaced. Without a Command they are
// "bun run LOCATION --port PORT".
//
// A program that is a relative path, such as ./server, is taken from WorkDir;
// a bare name is looked up in PATH when it is started.
//
// With neither Command nor Location it returns nil: the caller runs the demo
// backend.
func (a App) Argv(port int) []string {
	return a.argv(defaultCommand, portPlaceholder, strconv.Itoa(port))
}

// Shown is Argv as people may see it: with ${NAME} for the values of variables, which may
// be secrets.
func (a App) Shown(port int) []string {
	if a.Written != nil {
		a.Command = a.Written
	}
	return a.Argv(port)
}

// SocketArgv is Argv for an instance on a Unix socket, with {location} and {socket}
// replaced. Without a Command it returns "bun run LOCATION".
func (a App) SocketArgv(path string) []string {
	return a.argv(defaultSocketCommand, socketPlaceholder, path)
}

// argv returns the command with the location and one more placeholder replaced.
func (a App) argv(implied func() []string, placeholder, value string) []string {
	command := a.Command
	if command == nil {
		if a.Location == "" {
			return nil
		}
		command = implied()
	}
	// One pass: a location with braces in its name is not replaced again.
	replace := strings.NewReplacer(locationPlaceholder, a.Location, versionPlaceholder, a.Label(), placeholder, value)
	argv := make([]string, len(command))
	for i, arg := range command {
		argv[i] = replace.Replace(arg)
	}
	if program := argv[0]; strings.ContainsRune(program, filepath.Separator) && !filepath.IsAbs(program) {
		argv[0] = filepath.Join(a.WorkDir, program)
	}
	return argv
}

// command is a program and its arguments, and written is that as it stands in the file. Numbers and booleans in it stand for
// themselves, as they are written.
func command(field, written *[]string) Value {
	want := "a list of strings that starts with a program, such as " + yamlList(defaultCommand())
	decode := func(r *reader, at place, node *yaml.Node) {
		if node.Kind != yaml.SequenceNode || len(node.Content) == 0 {
			if line, ok := text(node); ok && len(strings.Fields(line)) > 0 {
				words := strings.Fields(line)
				if strings.ContainsAny(line, "\"'\\$&|;<>") { // only a shell understands it
					words = []string{"sh", "-c", line}
				}
				r.problem(at, "must be a list; write command: %s", yamlList(words))
				return
			}
			r.wrong(at, node, want)
			return
		}
		argv, texts := make([]string, len(node.Content)), make([]string, len(node.Content))
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
				r.problem(here, "must be a program; it and each argument are separate items: %s", yamlList(strings.Fields(arg)))
			default:
				r.placeholders(here, r.textOf(item))
			}
			argv[i], texts[i] = arg, r.textOf(item)
		}
		*field, *written = argv, nil
		if !slices.Equal(argv, texts) {
			*written = texts
		}
	}
	return Value{Kind: Command, decode: decode}
}

// isLine reports whether a program is meant as a command line. The name of a
// program may have spaces or a placeholder in it, but not both.
func isLine(program string) bool {
	if len(strings.Fields(program)) < 2 {
		return false
	}
	return slices.ContainsFunc(placeholders, func(p string) bool { return strings.Contains(program, p) })
}

// unquoted matches a string that needs no quotes in a YAML list in brackets.
var unquoted = pattern.New(`^[\w./-][\w./:=@+-]*$`)

// yamlList returns items as a YAML list in brackets.
func yamlList(items []string) string {
	texts := make([]string, len(items))
	for i, item := range items {
		texts[i] = item
		if !unquoted().MatchString(item) {
			texts[i] = strconv.Quote(item)
		}
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// isUnquoted reports whether node is a placeholder without quotes, which YAML
// reads as a mapping of one key to null.
func isUnquoted(node *yaml.Node) bool {
	if node.Kind != yaml.MappingNode || len(node.Content) != 2 || !isNull(node.Content[1]) {
		return false
	}
	return node.Content[0].Kind == yaml.ScalarNode && isPlaceholder("{"+node.Content[0].Value+"}")
}

// placeholders are all that a command may have.
var placeholders = []string{locationPlaceholder, portPlaceholder, socketPlaceholder, versionPlaceholder}

func isPlaceholder(s string) bool { return slices.Contains(placeholders, s) }

// braced matches a word in braces, and the shell's ${word}.
var braced = pattern.New(`\$?\{[A-Za-z]\w*\}`)

// placeholders reports words in braces that look like a placeholder and are not
// one. ${word} stands for a variable.
func (r *reader) placeholders(at place, arg string) {
	for _, found := range braced().FindAllString(arg, -1) {
		if !strings.HasPrefix(found, "$") && !isPlaceholder(found) {
			r.problem(at, "unknown placeholder %s; there are {location}, {port}, {socket} and {version}", display(found))
		}
	}
}

// uses reports whether a command contains a placeholder.
func uses(command []string, placeholder string) bool {
	return slices.ContainsFunc(command, func(arg string) bool { return strings.Contains(arg, placeholder) })
}
