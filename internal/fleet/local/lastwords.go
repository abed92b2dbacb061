package local

import (
	"regexp"
	"slices"
	"strings"
)

// lastWords returns the line that says best why a program came to its end, of the
// last lines that it printed (blank ones left out, oldest first); "" when there
// are none. It is the last one that begins like an error, else the last one that
// says anything, else the last one. It knows no runtime, but what most of them
// have in common:
//
//   - What is indented belongs to the line above or below it: stack frames,
//     source code, fields of the error.
//   - A line that names something before a colon, next to indented lines, is an
//     error with its stack, whatever the name.
//   - Some lines never say why: a runtime's name and version, marks below source
//     code, numbered source code, hints, what announces the lines below it, how a
//     wrapper's child exited.
func lastWords(lines []string) string {
	plain := ""
	for i, line := range slices.Backward(lines) {
		switch {
		case indented(line) || chaff.MatchString(line):
			continue
		case headline.MatchString(line), named.MatchString(line) && besideIndented(lines, i):
			return strings.TrimSpace(line)
		case plain == "":
			plain = strings.TrimSpace(line)
		}
	}
	if plain == "" && len(lines) > 0 {
		plain = strings.TrimSpace(lines[len(lines)-1])
	}
	return plain
}

var (
	// headline matches the beginning of an error: "Error: …", "java.io.IOException: …",
	// "TypeError [ERR_INVALID_URL]: …", "Uncaught Error: …", "panic: …",
	// "PHP Fatal error:  …". Not "ERROR: …", which is a level in a log.
	headline = regexp.MustCompile(`^(\w+ )?([\w.$]*(Error|Exception)|error|panic|[Ff]atal( error)?|FATAL)( \[\w+\])?:\s+\S`)

	// named matches a few words, a colon and more.
	named = regexp.MustCompile(`^(\S+ ){0,4}\S+:\s+\S`)

	// chaff matches what never says why. In this order: "Node.js v20.20.2" or
	// "Bun v1.4.5 (Linux x64)"; marks alone, as "^^^" or "}"; "12 | code()";
	// "(Use … to show …)" and "note: run with …"; "Require stack:"; "exit status 2"
	// or `error: script "start" exited with code 1`.
	chaff = regexp.MustCompile(strings.Join([]string{
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
