package process

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// roleEnv makes the test program play a child instead: its value names a role.
const roleEnv = "PROCESS_TEST_ROLE"

// patience bounds what a test waits for; it is only used up by a failure.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if name, ok := os.LookupEnv(roleEnv); ok {
		os.Exit(roles[name](os.Args[1:]))
	}
	goleak.VerifyTestMain(tidy{m}, goleak.IgnoreAnyFunction("github.com/dynlb/dynlb/internal/process.spawnLoop"))
}

// tidy is a run of the tests that fails when it leaves a cgroup behind.
type tidy struct{ tests *testing.M }

// Run runs the tests and returns the exit status.
func (r tidy) Run() int {
	status := r.tests.Run()
	if left := cgroupsOf(thisRun()); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "cgroups left behind:", left)
		return 1
	}
	return status
}

// roleSpec describes a child that plays a role.
func roleSpec(role string, args ...string) Spec {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return Spec{
		Argv: append([]string{self}, args...),
		Env: append(os.Environ(), roleEnv+"="+role,
			"GORACE=atexit_sleep_ms=0"), // else every exit takes a second
	}
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
	case <-time.After(patience):
		t.Fatalf("process %d is not done after %v", p.PID(), patience)
	}
	return p.Exit()
}
