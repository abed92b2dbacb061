// Package orphan finds and kills processes that have lost the dynlb, or the child
// of dynlb, that they belong to.
//
// A child gets a Mark in its environment, and its descendants inherit it: a
// process can leave its group, session and parent, but an environment is passed
// on unless a program clears it. A process that has cleared it is found by its
// cgroup (see package cgroup), where there are cgroups.
//
//   - KillMarked kills what a child left behind when it ended.
//   - A Guard is a second process of dynlb. It kills what is left when dynlb
//     itself is gone, even by SIGKILL.
//   - KillAll kills what runs of dynlb that are over left behind nevertheless, at
//     the start of the next run.
//
// On systems other than Linux the environment of other processes cannot be read,
// and the package kills nothing. It imports cgroup, procfs and reap, and no other
// package of dynlb. All functions are safe for concurrent use.
package orphan

import (
	"strings"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// variable is the environment variable that holds the Mark.
const variable = "DYNLB_INSTANCE"

// Mark identifies a child of dynlb and its descendants among all processes since
// boot. It has the form RUN/CHILD. RUN is the procfs.Identity of the dynlb process
// that started the child. The mark of a run is RUN/.
type Mark string

// NewMark returns the mark of a child of this process that is called name.
func NewMark(name string) Mark { return ThisRun() + Mark(name) }

// ThisRun returns the mark of this run: the common start of the marks of all
// children of this process.
func ThisRun() Mark { return Mark(procfs.Self() + "/") }

// Env returns the entry of the environment, KEY=value, that marks a child.
func (m Mark) Env() string { return variable + "=" + string(m) }

// Child returns the name of the child.
func (m Mark) Child() string {
	_, child, _ := strings.Cut(string(m), "/")
	return child
}

// run returns the identity of the process that started the child.
func (m Mark) run() string {
	run, _, _ := strings.Cut(string(m), "/")
	return run
}

// covers reports whether other is m, or m is the mark of the run of other.
func (m Mark) covers(other Mark) bool {
	return m == other || strings.HasSuffix(string(m), "/") && strings.HasPrefix(string(other), string(m))
}

// markIn returns the mark in an environment that procfs.Environ returned.
func markIn(environ string) (Mark, bool) {
	for entry := range strings.SplitSeq(environ, "\x00") {
		if value, ok := strings.CutPrefix(entry, variable+"="); ok {
			return Mark(value), true
		}
	}
	return "", false
}
