package local

import (
	"slices"
	"strings"

	"github.com/dynlb/dynlb/internal/pattern"
)

// lastWords returns the line that explains best why a program ended, of the last
// lines that it printed (without blank ones, oldest first); "" when there are none.
// That is the last line that begins like an error (isError), or else the last line with
// information, or else the last line. The rules are common to most runtimes:
//
//   - An indented line belongs to the line above or below it: stack frames, source
//     code, fields of the error.
//   - A line that has a name before a colon, next to indented lines, is an error
//     with its stack, whatever the name is.
//   - Some lines never explain anything: a runtime's name and version, marks below
//     source code, numbered source code, hints, announcements of the lines below,
//     the exit of a wrapper's child.
func lastWords(lines []string) (line string, isError bool) {
	plain := ""
	for i, line := range slices.Backward(lines) {
		switch {
		case indented(line) || chaff().MatchString(line):
			continue
		case headline().MatchString(line), named().MatchString(line) && besideIndented(lines, i):
			return strings.TrimSpace(line), true
		case plain == "":
			plain = strings.TrimSpace(line)
		}
	}
	if plain == "" && len(lines) > 0 {
		plain = strings.TrimSpace(lines[len(lines)-1])
	}
	return plain, false
}

var (
	// headline matches the beginning of an error: "Error: …", "java.io.IOException: …",
	// "TypeError [ERR_INVALID_URL]: …", "Uncaught Error: …", "panic: …",
	// "PHP Fatal error:  …". It does not match "ERROR: …", which is a log level.
	headline = pattern.New(`^(\w+ )?([\w.$]*(Error|Exception)|error|panic|[Ff]atal( error)?|FATAL)( \[\w+\])?:\s+\S`)

	// named matches a few words, a colon and more.
	named = pattern.New(`^(\S+ ){0,4}\S+:\s+\S`)

	// chaff matches lines without information. In this order: "Node.js v20.20.2" or
	// "Bun v1.4.5 (Linux x64)"; marks alone, as "^^^" or "}"; "12 | code()";
	// "(Use … to show …)" and "note: run with …"; "Require stack:"; "exit status 2"
	// or `error: script "start" exited with code 1`.
	chaff = pattern.New(strings.Join([]string{
		`^[\w.+-]+ v?\d+(\.\d+)+\S*( \(.*\))?$`,
		`^[^\pL\pN]*$`,
		`^\d+ \|`,
		`^\(.*\)$|^(note|hint): `,
		`:$`,
		`^exit status \d+$|\bexit(ed)?( with)? (status|code):? \d+\.?$`,
	}, "|"))
)

func indented(line string) bool { return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t") }

// besideIndented reports whether a line before or after the i-th is indented.
func besideIndented(lines []string, i int) bool {
	return i > 0 && indented(lines[i-1]) || i+1 < len(lines) && indented(lines[i+1])
}
