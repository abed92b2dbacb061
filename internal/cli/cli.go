// Package cli is the command line of dynlb: `dynlb serve`, the commands that talk
// to a running dynlb (status, watch, scale, restart), and those that need none
// (check, backend, version).
//
// A command is one file with a newX function, which returns its flags, help and
// work. remote.go connects to a running dynlb and turns its errors into advice,
// identity.go has the flags for credentials, view.go renders the state.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
)

// The exit codes.
const (
	exitDone  = 0
	exitFail  = 1 // failed at run time
	exitUsage = 2 // wrong command line or config
	exitEmpty = 3 // status: no instance is ready
	exitCut   = 4 // serve, stop: requests in flight were cut off

	exitInterrupted = 128 + 2 // by SIGINT, as shells report it
)

// Run carries out one command line and returns the exit code. version is the one
// that the linker has set, or empty for the one that the Go toolchain knows.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer, version string) int {
	root := newRoot(&options{version: versionText(version)})
	out := &output{w: stdout}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(stderr)
	checkBuiltinArgs(root)
	err := root.ExecuteContext(ctx)
	if err == nil {
		err = out.err
	}
	if worker, ok := errors.AsType[workerExitError](err); ok {
		return worker.code
	}
	code, prefix := exitCode(err)
	if _, logged := errors.AsType[daemon.LoggedError](err); err != nil && !logged {
		printError(stderr, prefix, err)
	}
	return code
}

// exitCode returns the exit code for an error, and what to print before it: config
// errors begin with the file and the line.
func exitCode(err error) (code int, prefix string) {
	var invalid *config.Error
	var refused daemon.ConfigError
	var usage usageError
	var goesOn goesOnError
	switch {
	case err == nil:
		return exitDone, ""
	case errors.Is(err, errNoneReady):
		return exitEmpty, "dynlb: "
	case errors.Is(err, daemon.ErrCut):
		return exitCut, "dynlb: "
	case errors.As(err, &goesOn):
		return exitInterrupted, "dynlb: "
	case errors.As(err, &invalid):
		return exitUsage, ""
	case errors.As(err, &usage), errors.As(err, &refused):
		return exitUsage, "dynlb: "
	default:
		return exitFail, "dynlb: "
	}
}

// usageError is a command line that is wrong.
type usageError struct{ error }

// printTimeout bounds how long the last error may take to be written: dynlb also
// ends when its standard error is a full pipe that is not read.
const printTimeout = time.Second

// printError prints why the command failed, for printTimeout at most.
func printError(stderr io.Writer, prefix string, err error) {
	printed := make(chan struct{})
	go func() { // ends with the process if the write blocks
		defer close(printed)
		fmt.Fprintf(stderr, "%s%v\n", prefix, err)
	}()
	select {
	case <-printed:
	case <-time.After(printTimeout):
	}
}
