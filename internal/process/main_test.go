package process

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/process/cgroup"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// parallel is how many tests run at the same time: they wait more than they compute.
const parallel = "8"

func TestMain(m *testing.M) {
	if status, played := processtest.Play(roles); played {
		os.Exit(status)
	}
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = flag.Set(f.Name, parallel) // it is a number
	}
	goleak.VerifyTestMain(tidy{m}, goleak.IgnoreAnyFunction("github.com/dynlb/dynlb/internal/process.spawnLoop"))
}

// tidy is a run of the tests that fails when it leaves a cgroup behind.
type tidy struct{ tests *testing.M }

// Run runs the tests and returns the exit status.
func (r tidy) Run() int {
	status := r.tests.Run()
	if n := ownCgroups(); n > 0 {
		fmt.Fprintln(os.Stderr, "cgroups left behind:", n)
		return 1
	}
	return status
}

// ownCgroups counts the cgroups of this run. EndRuns ends none of them.
func ownCgroups() (n int) {
	_, _ = cgroup.EndRuns(func(run string) bool {
		if run == procfs.Identity(os.Getpid()) {
			n++
		}
		return false
	}, 0)
	return n
}

// roleSpec describes a child that plays a role.
func roleSpec(role string, args ...string) Spec {
	return Spec{Argv: processtest.Argv(args...), Env: processtest.Env(role)}
}

// start starts a child that is killed at the end of the test.
func start(t *testing.T, spec Spec) *Process {
	t.Helper()
	p, err := Start(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(); <-p.Done() })
	return p
}

// await waits for the child's end.
func await(t *testing.T, p *Process) Exit {
	t.Helper()
	select {
	case <-p.Done():
	case <-time.After(processtest.Limit):
		t.Fatalf("process %d is not done after %v", p.PID(), processtest.Limit)
	}
	return p.Exit()
}
