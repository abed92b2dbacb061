package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Error reports everything that is wrong with a configuration. All errors of
// this package are of this type.
type Error struct {
	// File is the file's name, as it was given.
	File string

	// Problems holds at least one problem, in the order of their lines.
	Problems []Problem

	cause error // why the file cannot be read, else nil
}

// Problem is one mistake in a configuration.
type Problem struct {
	// Line counts from 1. It is 0 for a problem of the file as a whole, whose Key
	// is empty, and for one of the environment, whose Key is the variable's name.
	Line int

	// Key names the value in the file, such as "queue.limit" or "command[0]". It
	// is empty if the text is not YAML.
	Key string

	// Text tells what is wrong and what would be right, on one line.
	Text string
}

// Error returns one line per problem: "config.yaml:3: key: text".
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.in(e.File)
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns why the file cannot be read, which errors.Is can compare with
// fs.ErrNotExist, or nil if it was read.
func (e *Error) Unwrap() error { return e.cause }

// in returns the line for the problem in a report about file.
func (p Problem) in(file string) string {
	var where string
	switch {
	case p.Line > 0:
		where = fmt.Sprintf("%s:%d: ", file, p.Line)
	case p.Key == "":
		where = file + ": "
	}
	if p.Key != "" {
		where += p.Key + ": "
	}
	return where + p.Text
}

// sortProblems puts problems in the order of the file. Those of one line keep the
// order in which they were found.
func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
}
