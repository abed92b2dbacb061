package config

import "bytes"

// bracket is an opening bracket and its line.
type bracket struct {
	char byte
	line int
}

// isFlowError reports whether a message of the yaml package can be about a bracket that
// is not closed. It names the line on which the package has noticed that.
func isFlowError(text string) bool {
	switch text {
	case "did not find expected ',' or ']'", "did not find expected ',' or '}'", "did not find expected node content":
		return true
	}
	return false
}

// unclosed returns the line and the character of the last bracket that is not closed,
// 0 if all are. It passes over comments and quoted text.
func unclosed(lines [][]byte) (line int, char byte) {
	var open []bracket
	quote := byte(0)
	for i, text := range lines {
		ended := -2 // where the last quote ended
		for j, c := range text {
			if quote == 0 && c == '#' && (j == 0 || text[j-1] == ' ') {
				break // a comment
			}
			switch {
			case quote != 0:
				if c == quote && (quote == '\'' || j == 0 || text[j-1] != '\\') {
					quote, ended = 0, j
				}
			case c == '\'' && ended == j-1: // doubled, it does not end the text
				quote = c
			case (c == '"' || c == '\'') && startsValue(text[:j], len(open) > 0):
				quote = c
			case c == '[' || c == '{':
				if startsValue(text[:j], len(open) > 0) {
					open = append(open, bracket{c, i + 1})
				}
			case (c == ']' || c == '}') && len(open) > 0:
				open = open[:len(open)-1]
			}
		}
	}
	if len(open) == 0 {
		return 0, 0
	}
	last := open[len(open)-1]
	return last.line, last.char
}

// startsValue reports whether a value begins after before, on its line: a quote or a
// bracket within a plain text is part of that.
func startsValue(before []byte, inFlow bool) bool {
	before = bytes.TrimRight(before, " ")
	if len(before) == 0 {
		return true
	}
	switch before[len(before)-1] {
	case ':', '-', '[', '{':
		return true
	case ',':
		return inFlow
	}
	return false
}
