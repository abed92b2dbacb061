package procfs

import (
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/process/processtest"
)

func TestTree(t *testing.T) {
	t.Parallel()
	line := processtest.NewLifeline(t)
	parent := processtest.Command("parent", "wait", "alive", line.Address())
	processtest.Start(t, parent)
	pid, child := parent.Process.Pid, line.Accept()
	got, err := Tree(pid)
	if err != nil || !slices.Equal(got, []int{pid, child.PID}) {
		t.Errorf("Tree = %v, %v, want %d and %d", got, err, pid, child.PID)
	}
}

// A family is the members of a group and their descendants, in any group.
func TestFamily(t *testing.T) {
	t.Parallel()
	procs := []Stat{
		{PID: 1},
		{PID: 10, PPID: 1, Group: 10},
		{PID: 11, PPID: 10, Group: 10},
		{PID: 12, PPID: 11, Group: 12},
		{PID: 13, PPID: 12, Group: 13},
		{PID: 14, PPID: 1, Group: 10},
		{PID: 20, PPID: 1, Group: 20},
	}
	got := family(procs, 10)
	slices.Sort(got)
	if want := []int{10, 11, 12, 13, 14}; !slices.Equal(got, want) {
		t.Errorf("family = %v, want %v", got, want)
	}
}
