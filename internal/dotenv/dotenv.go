// Package dotenv reads files of environment variables, as .env files are.
//
// The grammar:
//
//	file    = { line }
//	line    = blank | comment | [ "export" space ] NAME "=" value [ space comment ]
//	NAME    = letters, digits and underscores, not a digit first
//	value   = plain | "'" any "'" | '"' any '"'
//	comment = "#" to the end of the line
//
// A plain value ends with the line, or before a space and "#"; the space around it does not
// count. Quoted values may have several lines. Between single quotes every character stands
// for itself. Between double quotes \n, \r, \t, \", \\ and \$ are escapes; another backslash
// stands for itself. Nothing is replaced: $ stands for itself in every value, as in the
// passwords that such files hold. Of a name that stands twice, the last value counts.
package dotenv

import (
	"fmt"
	"strings"
)

// Error says what is wrong on a line. It never contains a value.
type Error struct {
	Line int // from 1 on
	Text string
}

// Error returns the line and the text.
func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Text) }

// Parse returns the variables of a file. The error is an [*Error].
func Parse(text string) (map[string]string, error) {
	if before, _, wrong := strings.Cut(strings.ToValidUTF8(text, "\x00"), "\x00"); wrong {
		return nil, &Error{Line: 1 + strings.Count(before, "\n"), Text: "must be UTF-8 text"}
	}
	p := parser{rest: strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n"), line: 1}
	all := map[string]string{}
	for p.rest != "" {
		name, value, err := p.next()
		if err != nil {
			return nil, err
		}
		if name != "" {
			all[name] = value
		}
	}
	return all, nil
}

// parser is what is left of a file.
type parser struct {
	rest string
	line int
}

// take removes n bytes from the rest, and counts their lines.
func (p *parser) take(n int) string {
	taken := p.rest[:n]
	p.rest = p.rest[n:]
	p.line += strings.Count(taken, "\n")
	return taken
}

// takeLine removes the rest of the line, with its end.
func (p *parser) takeLine() string {
	n := strings.IndexByte(p.rest, '\n') + 1
	if n == 0 {
		n = len(p.rest)
	}
	return strings.TrimSuffix(p.take(n), "\n")
}

// next reads one line, or several if a value has them. The name is empty without an
// assignment.
func (p *parser) next() (name, value string, err error) {
	line, _, _ := strings.Cut(p.rest, "\n")
	if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
		p.takeLine()
		return "", "", nil
	}
	here := p.line
	equals := strings.IndexByte(p.rest, '=')
	if equals < 0 || equals > strings.IndexByte(p.rest+"\n", '\n') {
		return "", "", &Error{here, "must be NAME=value, or a comment that begins with #"}
	}
	name = strings.TrimSpace(p.take(equals + 1)[:equals])
	if rest, ok := strings.CutPrefix(name, "export"); ok && strings.TrimLeft(rest, " \t") != rest {
		name = strings.TrimLeft(rest, " \t")
	}
	if !isName(name) {
		return "", "", &Error{here, "must have a name of letters, digits and _ before =, which does not start with a digit"}
	}
	p.take(len(p.rest) - len(strings.TrimLeft(p.rest, " \t")))
	if p.rest == "" || p.rest[0] != '"' && p.rest[0] != '\'' {
		return name, plain(p.takeLine()), nil
	}
	value, ok := p.quoted()
	if !ok {
		return "", "", &Error{here, "the quote of the value of " + name + " is not closed"}
	}
	if after := strings.TrimSpace(p.takeLine()); after != "" && after[0] != '#' {
		return "", "", &Error{p.line, "there is more after the quoted value of " + name + "; a quote in it is written \\\""}
	}
	return name, value, nil
}

// plain returns a value without quotes.
func plain(text string) string {
	for i := range len(text) {
		if text[i] == '#' && (i == 0 || text[i-1] == ' ' || text[i-1] == '\t') {
			text = text[:i]
			break
		}
	}
	return strings.TrimSpace(text)
}

// escapes are those of a value between double quotes.
var escapes = map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}

// quoted takes a quoted value; ok tells that its quote is closed.
func (p *parser) quoted() (value string, ok bool) {
	quote := p.rest[0]
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		c := p.rest[i]
		if c == quote {
			p.take(i + 1)
			return b.String(), true
		}
		if quote == '"' && c == '\\' && i+1 < len(p.rest) {
			if escaped, known := escapes[p.rest[i+1]]; known {
				c = escaped
				i++
			}
		}
		b.WriteByte(c)
	}
	return "", false
}

func isName(s string) bool {
	for i, c := range s {
		letter := c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
