package orphan_test

import (
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process"
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
	g, err := orphan.StartGuard(processtest.Argv(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := orphan.StartGuard([]string{"/nonexistent/guard"}, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a guard that does not exist was started")
	}
}

// Close does the work of a guard process that was killed just before.
func TestGuardIsKilledBeforeClose(t *testing.T) {
	t.Setenv(processtest.RoleEnv, "guard")
	g, err := orphan.StartGuard(processtest.Argv(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	line := processtest.NewLifeline(t)
	spec := roleSpec("alive", line.Address())
	spec.Mark = orphan.NewMark("test")
	start(t, spec)
	child := line.Accept()
	if err := syscall.Kill(guardOf(t, os.Getpid()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	child.ExpectDeath(time.Second)
}

// A guard process that ends is reaped, and another one takes its place. Each
// SIGKILL of a guard tests that of the one before.
func TestGuardIsStartedAgain(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	spec := roleSpec("guarded", "parent", "setpgid", "alive", line.Address())
	restarted := make(chan string, 10)
	spec.Output = func(l process.Line) error {
		if strings.Contains(l.Text, "guard process started again") {
			restarted <- l.Text
		}
		if strings.Contains(l.Text, "guard process ended") && !strings.Contains(l.Text, `"exit":"signal: killed"`) {
			t.Errorf("the line does not say how it has ended: %s", l.Text)
		}
		return nil
	}
	p := start(t, spec)
	grandchild := line.Accept()
	guard := guardOf(t, p.PID())
	for range 3 {
		if err := syscall.Kill(guard, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		select {
		case <-restarted:
		case <-time.After(processtest.Limit):
			t.Fatal("no guard process was started")
		}
		next := guardOf(t, p.PID())
		if next == guard {
			t.Fatalf("the guard that was killed, %d, is still there", guard)
		}
		guard = next
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	grandchild.ExpectDeath(time.Second)
}

// guardOf returns the one guard process of a process, and fails the test when there
// is a zombie beside it.
func guardOf(t *testing.T, pid int) (guard int) {
	t.Helper()
	procs, err := procfs.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		if p.PPID != pid {
			continue
		}
		if p.Exited() {
			t.Errorf("child %d is a zombie", p.PID)
		}
		environ, _ := procfs.Environ(p.PID)
		if strings.Contains("\x00"+environ, "\x00"+processtest.RoleEnv+"=guard\x00") {
			guard = p.PID
		}
	}
	if guard == 0 {
		t.Fatal("no guard process")
	}
	return guard
}
