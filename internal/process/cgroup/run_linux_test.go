package cgroup

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// EndRuns ends the groups of the runs that match, and leaves those of others.
func TestEndRuns(t *testing.T) {
	t.Parallel()
	h := need(t)
	line := processtest.NewLifeline(t)
	add := func() *Group {
		g, err := h.add()
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	startIn(t, add(), "alive", line.Address())
	mine := line.Accept()
	g := add()
	// A run of the same pid, which started at another time.
	ours := procfs.Identity(os.Getpid())
	theirs := strings.Replace(ours, ".", ".1", 1)
	if err := os.Remove(g.dir); err != nil {
		t.Fatal(err)
	}
	g.dir = strings.Replace(g.dir, "-"+ours+"-", "-"+theirs+"-", 1)
	if err := os.Mkdir(g.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	orphan := startIn(t, g, "alive", line.Address())
	child := line.Accept()
	if found, err := EndRuns(func(run string) bool { return run == theirs }, processtest.Limit); found != 1 || err != nil {
		t.Errorf("found %d, %v, want one process", found, err)
	}
	child.ExpectDeath(processtest.Limit)
	mine.ExpectAlive()
	if err := orphan.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Errorf("the orphan ended with %v, want it killed", err)
	}
	expectRemoved(t, g)
}

// The groups of one run differ, and EndRuns shows each to the function once.
func TestGroupsOfARunDiffer(t *testing.T) {
	t.Parallel()
	h := need(t)
	a, err1 := h.add()
	b, err2 := h.add()
	if err1 != nil || err2 != nil || a.dir == b.dir {
		t.Fatalf("groups %v (%v) and %v (%v), want two", a, err1, b, err2)
	}
	seen := 0
	if _, err := EndRuns(func(run string) bool {
		if run == procfs.Identity(os.Getpid()) {
			seen++
		}
		return false
	}, time.Second); err != nil || seen < 2 {
		t.Errorf("%d groups of this run, %v, want at least two", seen, err)
	}
	for _, g := range []*Group{a, b} {
		if err := g.End(processtest.Limit); err != nil {
			t.Error(err)
		}
	}
}
