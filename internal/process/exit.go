package process

import (
	"os"
	"slices"
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
	// OutOfMemory tells that the signal was a SIGKILL that dynlb did not send, and
	// that the kernel has counted an OOM kill in the child's cgroup since its start.
	OutOfMemory bool
	// Time is when the child itself exited.
	Time time.Time
	// Output holds the last lines, as Process.Tail returns them.
	Output []string
	// Dropped counts the lines that did not reach Spec.Output.
	Dropped uint64
}

// crashes are the signals that a fault of the program itself causes (signal(7)).
var crashes = []syscall.Signal{
	syscall.SIGSEGV, syscall.SIGABRT, syscall.SIGILL, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGTRAP, syscall.SIGSYS,
}

// Own reports whether the child ended by itself: it exited, crashed, or ran out of
// memory. Another signal came from outside. A shell or a package manager that ran the
// program exits with 128 and the signal. A program that exits because of a signal
// from outside, by a handler of its own, is not told from one that just exits.
func (e Exit) Own() bool {
	signal := e.Signal
	if n := e.Code - 128; n > 0 && n < 32 { // the signals that are not real-time ones
		signal = syscall.Signal(n)
	}
	return signal == 0 || e.OutOfMemory || slices.Contains(crashes, signal)
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
