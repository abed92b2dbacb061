// Package prelude does what a process of dynlb can do before most of its packages are
// initialised: for some 300 packages that takes longer than all else at a start.
//
// Go initialises a package when those that it imports are, and of several the one with the
// first path. So this package, which imports a few small ones of the standard library, comes
// before nearly all of them as long as it imports no others. Its init function does one of
// these, by the arguments of the process:
//
//   - A guard waits for the end of its input. It needs its other packages only then.
//   - A keeper starts its worker, and the packages of both are initialised at the same time.
//
// Whatever it cannot do, or finds unusual, it leaves to the package whose work it is.
package prelude

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
)

// guardInput is what a guard has read.
var guardInput struct {
	text []byte
	err  error
	read bool
}

func init() {
	if len(os.Args) < 2 {
		return
	}
	switch {
	case os.Args[1] == "guard" && len(os.Args) == 2: // else a person asks for help
		signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP) // sent to all processes of a terminal or a service
		guardInput.text, guardInput.err = io.ReadAll(os.Stdin)
		guardInput.read = true
	case os.Args[1] == "serve":
		runtime.LockOSThread() // its children have a parent-death signal, which a thread sends when it ends
		startWorker(os.Args[2:])
	}
}

// GuardInput returns all that a guard reads from in, which is its standard input.
func GuardInput(in io.Reader) ([]byte, error) {
	if guardInput.read {
		return guardInput.text, guardInput.err
	}
	return io.ReadAll(in)
}

// KeeperVariable is the environment variable that has a worker find its keeper: the number of
// the descriptor of its socket.
const KeeperVariable = "DYNLB_KEEPER"

// FirstExtra is the number of the first descriptor after the standard ones.
const FirstExtra = 3

// Worker is a worker that was started before the keeper was initialised.
type Worker struct {
	PID    int
	Socket *os.File // the end of the keeper
}

var early *Worker

// TakeWorker returns the worker that was started. It is nil if there is none, and after the
// first call.
func TakeWorker() *Worker {
	w := early
	early = nil
	return w
}

// errUnusual says that the package cli has to judge the arguments.
var errUnusual = errors.New("unusual arguments")

// workerArgs returns the arguments of the worker of a keeper with these.
func workerArgs(serve []string) ([]string, error) {
	valid := map[string][]string{ // nil: any value
		"--log-level": {"debug", "info", "warn", "error"},
		"--engine":    {"auto", "fast", "std"},
		"--config":    nil,
		"-c":          nil,
		"--listen":    nil,
	}
	for i := 0; i < len(serve) && serve[i] != "--" && (serve[i] == "" || serve[i][0] == '-'); i += 2 {
		values, known := valid[serve[i]]
		if !known || i+1 == len(serve) || values != nil && !slices.Contains(values, serve[i+1]) {
			return nil, errUnusual
		}
	}
	return append([]string{os.Args[0], "worker"}, serve...), nil
}
