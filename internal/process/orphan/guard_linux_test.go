package orphan_test

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// When dynlb is killed, its guard kills the grandchildren, which the kernel does
// not.
func TestGuardKillsWhatIsLeft(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("guarded", "parent", "setpgid", "alive", line.Address()))
	grandchild := line.Accept()
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	grandchild.ExpectDeath(time.Second)
}

// The guard kills by mark a process that is in no cgroup of dynlb.
func TestGuardKillsByMark(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("guarded-mark", "ignore-term", line.Address()))
	child := line.Accept()
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	child.ExpectDeath(time.Second)
}

// The guard kills by cgroup a process that has left group and session and cleared
// its environment.
func TestGuardKillsClearedGrandchild(t *testing.T) {
	t.Parallel()
	needCgroups(t)
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("guarded", "parent", "cleared", "ignore-term", line.Address()))
	grandchild := line.Accept()
	run := procfs.Identity(p.PID())
	if n := groupsOf(run); n != 1 {
		t.Errorf("%d cgroups of run %s, want one", n, run)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	grandchild.ExpectDeath(time.Second)
	if n := processtest.Settle(func() int { return groupsOf(run) }, 0); n > 0 {
		t.Errorf("%d cgroups left behind", n)
	}
}

func TestGuardEndsWithClose(t *testing.T) {
	t.Setenv(processtest.RoleEnv, "guard")
	g, err := orphan.StartGuard(processtest.Argv())
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := orphan.StartGuard([]string{"/nonexistent/guard"}); err == nil {
		t.Error("a guard that does not exist was started")
	}
}
