package process

import (
	"os"
	"syscall"
	"time"
)

// Exit says how a child ended.
type Exit struct {
	// Code is the exit status, or -1 when a signal ended the child.
	Code int
	// Signal is the signal that ended the child, or 0.
	Signal syscall.Signal
	// Reason says it in words: "exit status 1", "signal: killed". A SIGKILL
	// that did not come from this package is followed by what is known of the
	// OOM killer, if it is known to have been at work.
	Reason string
	// Time is when the child itself exited.
	Time time.Time
	// Output holds the last lines, as Process.Tail returns them.
	Output []string
	// Dropped counts the lines that did not reach Spec.Output.
	Dropped uint64
}

// newExit reads the outcome of a reaped child. state is nil when it could not
// be reaped, and err then says why.
func newExit(state *os.ProcessState, err error) Exit {
	if state == nil {
		return Exit{Code: -1, Reason: err.Error()}
	}
	exit := Exit{Code: state.ExitCode(), Reason: state.String()}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		exit.Signal = status.Signal()
	}
	return exit
}
