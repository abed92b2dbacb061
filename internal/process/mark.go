package process

import (
	"cmp"
	"fmt"
	"os"
	"strings"
)

// markVariable is the environment variable that marks a child and, since they
// inherit it, all its descendants, wherever they move: a group, session or
// parent can be left, an environment is handed on unless a program takes the
// trouble to clear it.
const markVariable = "DYNLB_INSTANCE"

// Mark identifies what one child started among all processes there ever were.
// It has the form RUN/CHILD.
type Mark string

// NewMark returns the mark of a child of this process that is called name.
func NewMark(name string) Mark { return Mark(thisRun() + "/" + name) }

// ThisRun returns what the marks of all children of this process begin with.
func ThisRun() Mark { return Mark(thisRun() + "/") }

// thisRun identifies this process, also after its pid has been given to another.
func thisRun() string { return runOf(os.Getpid()) }

// runOf identifies the process that has pid now: by that and when it started,
// in clock ticks since boot; "0" where that is unknown.
func runOf(pid int) string { return fmt.Sprintf("%d.%s", pid, cmp.Or(startTime(pid), "0")) }

// run returns the part of the mark that identifies who started the child.
func (m Mark) run() string {
	run, _, _ := strings.Cut(string(m), "/")
	return run
}

// covers reports whether a process that bears other descends from what m marks:
// m itself, or the children of m when m is that of a run.
func (m Mark) covers(other Mark) bool {
	return m == other || strings.HasSuffix(string(m), "/") && strings.HasPrefix(string(other), string(m))
}

// markOf returns the mark in an environment, in the form of /proc/pid/environ.
func markOf(environ string) (Mark, bool) {
	for variable := range strings.SplitSeq(environ, "\x00") {
		if value, ok := strings.CutPrefix(variable, markVariable+"="); ok {
			return Mark(value), true
		}
	}
	return "", false
}
