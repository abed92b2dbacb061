package process

import (
	"os"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/process/explain"
)

// Exit says how a child ended.
type Exit struct {
	// Code is the exit status, or -1 when a signal ended the child.
	Code int
	// Signal is the signal that ended the child, or 0.
	Signal syscall.Signal
	// Reason says it in words: "exit status 1", "signal: killed". After a SIGKILL
	// that dynlb did not send, it adds what the kernel has counted of OOM kills.
	Reason string
	// Time is when the child itself exited.
	Time time.Time
	// Output holds the last lines, as Process.Tail returns them.
	Output []string
	// Dropped counts the lines that did not reach Spec.Output.
	Dropped uint64
}

// newExit converts the outcome of a reaped child. state is nil when the child
// could not be reaped; err then says why.
func newExit(state *os.ProcessState, err error) Exit {
	exit := Exit{Code: -1, Reason: explain.Exit(state, err)}
	if state == nil {
		return exit
	}
	exit.Code = state.ExitCode()
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		exit.Signal = status.Signal()
	}
	return exit
}
