package recipe

import (
	"slices"
	"strings"

	"github.com/dynlb/dynlb/internal/pattern"
)

var (
	variableName = pattern.New(`^[A-Za-z_]\w*$`)
	portWord     = pattern.New(`\$PORT\b|\$\{PORT(:-\d+)?\}`)
	portValue    = pattern.New(`^(--port=|-p=?|--listen=)(\d{2,5})$`)
	onlyDigits   = pattern.New(`^\d{2,5}$`)
)

// special are the characters by which a shell does more than to split words.
const special = "&|;<>()$`\\\"'*?[]{}~#"

// words makes a recipe of a line that is meant for a shell, without the shell: signals
// then reach the program itself. It returns nil for a line that needs one.
func words(line string) *Recipe {
	r := &Recipe{}
	line = portWord().ReplaceAllString(line, "\x00") // a character that no line has
	if strings.ContainsAny(line, special) {
		return nil
	}
	all := strings.Fields(line)
	for len(all) > 0 {
		name, value, isVariable := strings.Cut(all[0], "=")
		isVariable = isVariable && variableName().MatchString(name)
		switch {
		case !isVariable && all[0] != "cross-env" && all[0] != "exec":
			r.Command = withPort(all)
			return r
		case isVariable && name != "PORT": // dynlb sets PORT
			r.Env = append(r.Env, Variable{name, strings.ReplaceAll(value, "\x00", portPlaceholder)})
		}
		all = all[1:]
	}
	return nil
}

// withPort returns a command with {port} for the ports in it.
func withPort(command []string) []string {
	command = slices.Clone(command)
	for i, word := range command {
		word = strings.ReplaceAll(word, "\x00", portPlaceholder)
		if m := portValue().FindStringSubmatch(word); m != nil {
			word = m[1] + portPlaceholder
		}
		if i > 0 && onlyDigits().MatchString(word) && (command[i-1] == "-p" || command[i-1] == "--port") {
			word = portPlaceholder
		}
		command[i] = word
	}
	return command
}

// procfile returns the recipe for the process type web of a Procfile.
func (f folder) procfile() (*Recipe, error) {
	for line := range strings.Lines(f.read("Procfile")) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "web:")
		if !ok {
			continue
		}
		text = strings.TrimSpace(text)
		r := words(text)
		if r == nil {
			r = &Recipe{Command: []string{"sh", "-c", "exec " + text}}
			if strings.ContainsAny(text, "&|;") { // exec would run the first command only
				r.Command[2] = text
			}
		}
		r.From = "web in Procfile"
		return r, nil
	}
	return nil, nil
}
