package cgroup

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

// startIn starts a role in a group.
func startIn(t *testing.T, g *Group, role string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := processtest.Command(role, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := g.Start(cmd, (*exec.Cmd).Start); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.End(processtest.Limit); _ = cmd.Wait() })
	return cmd
}

// expectRemoved fails the test when a group exists.
func expectRemoved(t *testing.T, g *Group) {
	t.Helper()
	if _, err := os.Stat(g.dir); !os.IsNotExist(err) {
		t.Errorf("cgroup left behind: %v", err)
	}
}

// Kill and End reach a descendant with a session and an environment of its own, and
// one in a group below, with cgroup.kill and without.
func TestEnd(t *testing.T) {
	t.Parallel()
	for name, noKill := range map[string]bool{"cgroup.kill": false, "signals": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := need(t)
			if !noKill && h.noKill {
				t.Skip(Containment())
			}
			h.noKill = noKill
			g, err := h.add()
			if err != nil {
				t.Fatal(err)
			}
			line := processtest.NewLifeline(t)
			startIn(t, g, "parent", "cleared", "ignore-term", line.Address())
			grandchild := line.Accept()
			below := &Group{dir: filepath.Join(g.dir, "a", "b")}
			if err := os.MkdirAll(below.dir, 0o755); err != nil {
				t.Fatal(err)
			}
			startIn(t, below, "ignore-term", line.Address())
			other := line.Accept()
			if pids := g.PIDs(); len(pids) != 3 || !slices.Contains(pids, grandchild.PID) || !slices.Contains(pids, other.PID) {
				t.Errorf("processes %v, want three, with %d and %d", pids, grandchild.PID, other.PID)
			}
			if err := g.End(processtest.Limit); err != nil {
				t.Error(err)
			}
			grandchild.ExpectDeath(time.Second)
			other.ExpectDeath(time.Second)
			expectRemoved(t, g)
		})
	}
}

func TestContains(t *testing.T) {
	t.Parallel()
	g := &Group{dir: "/sys/fs/cgroup/app/dynlb-1-2.3-4"}
	for membership, want := range map[string]bool{
		"0::/app/dynlb-1-2.3-4\n":                   true,
		"3:cpu:/app\n0::/app/dynlb-1-2.3-4/below\n": true,
		"0::/app/dynlb-1-2.3-4 (deleted)\n":         true,
		"0::/app/dynlb-1-2.3-40\n":                  false,
		"3:cpu:/app/dynlb-1-2.3-4\n0::/\n":          false,
		"":                                          false,
	} {
		if got := g.contains(membership); got != want {
			t.Errorf("%q is in the group: %v, want %v", membership, got, want)
		}
	}
}

func TestCPU(t *testing.T) {
	t.Parallel()
	g := &Group{dir: t.TempDir()}
	if _, ok := g.CPU(); ok {
		t.Error("processor time without a count")
	}
	if err := os.WriteFile(g.dir+"/cpu.stat", []byte("usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if cpu, ok := g.CPU(); !ok || cpu != 1500*time.Microsecond {
		t.Errorf("processor time %v, %v, want 1.5ms", cpu, ok)
	}
}

// A nil group has no processes and does nothing.
func TestNilGroup(t *testing.T) {
	t.Parallel()
	var g *Group
	g.Kill()
	g.Reap()
	if _, ok := g.CPU(); ok || g.PIDs() != nil || g.End(0) != nil {
		t.Error("a nil group has something")
	}
}
