package daemontest

import (
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

// parallel is how many tests of a package run at a time unless go test's -parallel
// says otherwise: they wait for processes and timers far more than they compute.
const parallel = "4"

// Main runs the tests of a package, with Bun on the PATH, and looks for goroutines
// that they leave. When the binary was started with the arguments of a command
// line of dynlb, it calls program with them instead and exits with what it
// returns: the instances of the demo backend are such processes.
func Main(m *testing.M, program func(args []string) int) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(program(os.Args[1:]))
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(parallel) // a number
	}
	_ = os.Setenv("PATH", filepath.Join(root(), bunFolder)+string(os.PathListSeparator)+os.Getenv("PATH"))
	// A program with the race detector in it sleeps for a second before it exits,
	// and so would each instance of the demo backend.
	_ = os.Setenv("GORACE", strings.TrimSpace(os.Getenv("GORACE")+" atexit_sleep_ms=0"))
	home, err := os.MkdirTemp("", "dynlb-state-") // of those that tests start as programs
	if err != nil {
		panic(err)
	}
	_ = os.Setenv("XDG_STATE_HOME", home)
	run := filepath.Join(home, "run") // their records, and the sockets of instances
	if err := os.Mkdir(run, 0o700); err != nil {
		panic(err)
	}
	_ = os.Setenv("XDG_RUNTIME_DIR", run)
	removeHome := goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(home)
		os.Exit(code)
	})
	// The goroutine that spawns never ends: its thread is the children's parent. Nor does
	// certmagic's limiter of orders, one for each account.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dynlb/dynlb/internal/process.spawnLoop"),
		goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.(*RingBufferRateLimiter).loop"), removeHome)
}

// root returns the folder of the repository.
func root() string {
	_, file, _, _ := runtime.Caller(0) // this file is in internal/daemon/daemontest
	return filepath.Join(filepath.Dir(file), "..", "..", "..")
}
