package orphan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// KillMarked kills the processes of one mark, not those of another or of none.
func TestKillMarkedKillsOneMark(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	var lives []processtest.Life
	for _, mark := range []orphan.Mark{orphan.NewMark("one"), orphan.NewMark("two"), ""} {
		spec := roleSpec("alive", line.Address())
		spec.Mark = mark
		start(t, spec)
		lives = append(lives, line.Accept())
	}
	if killed, err := orphan.KillMarked(orphan.NewMark("one"), processtest.Limit); killed != 1 || err != nil {
		t.Errorf("killed %d, %v, want one", killed, err)
	}
	lives[0].ExpectDeath(processtest.Limit)
	lives[1].ExpectAlive()
	lives[2].ExpectAlive()
}

// KillAll finds the processes of a run that is over by their mark, and spares those
// of a run that goes on.
func TestKillAll(t *testing.T) {
	line := processtest.NewLifeline(t)
	spec := roleSpec("alive", line.Address())
	spec.Mark = orphan.NewMark("mine")
	start(t, spec)
	mine := line.Accept()
	spec = roleSpec("alive", line.Address())
	// A run of the same pid, which started at another time.
	spec.Mark = orphan.Mark(strings.Replace(string(orphan.NewMark("theirs")), ".", ".1", 1))
	start(t, spec)
	theirs := line.Accept()
	if killed, err := orphan.KillAll(processtest.Limit); killed != 1 || err != nil {
		t.Errorf("killed %d, %v, want one", killed, err)
	}
	theirs.ExpectDeath(processtest.Limit)
	mine.ExpectAlive()
}

// KillAll finds a process without a mark by its cgroup, when the dynlb that started
// it was killed and had no guard, and removes the cgroup.
func TestKillAllEndsCgroupsOfDeadRuns(t *testing.T) {
	needCgroups(t)
	line := processtest.NewLifeline(t)
	spec := roleSpec("alive", line.Address())
	spec.Mark = orphan.NewMark("mine")
	start(t, spec)
	mine := line.Accept()
	p := start(t, roleSpec("marked", "parent", "cleared", "ignore-term", line.Address()))
	grandchild := line.Accept()
	run := procfs.Identity(p.PID())
	if n := groupsOf(run); n != 1 {
		t.Errorf("%d cgroups of run %s, want one", n, run)
	}
	if err := p.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	grandchild.ExpectAlive()
	if killed, err := orphan.KillAll(processtest.Limit); killed < 1 || err != nil {
		t.Errorf("killed %d, %v, want the grandchild", killed, err)
	}
	grandchild.ExpectDeath(time.Second)
	if n := groupsOf(run); n > 0 {
		t.Errorf("%d cgroups left behind", n)
	}
	mine.ExpectAlive()
}
