package procfs

import (
	"fmt"
	"os"
	"slices"
	"testing"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	got, err := parseStat("42 (a) Z 1 (b)) S 7 9 9 0 -1 4194560")
	if want := (Stat{PID: 42, PPID: 7, Group: 9, State: 'S'}); err != nil || got != want {
		t.Errorf("parseStat = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42", "42 (a", "42 (a) ", "42 (a) S 1", "x (a) S 1 2", "42 (a) S x 2", ") (a"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", bad, got)
		}
	}
}

// The name that a process gives itself does not change how its numbers are parsed.
func FuzzParseStat(f *testing.F) {
	f.Add("bun", 42, 7, 9)
	f.Add("a) Z 1 (b", 1, 0, 0)
	f.Fuzz(func(t *testing.T, name string, pid, ppid, group int) {
		line := fmt.Sprintf("%d (%s) S %d %d 9 0 -1", pid, name, ppid, group)
		got, err := parseStat(line)
		if want := (Stat{PID: pid, PPID: ppid, Group: group, State: 'S'}); err != nil || got != want {
			t.Errorf("parseStat(%q) = %+v, %v, want %+v", line, got, err, want)
		}
	})
}

func TestProcesses(t *testing.T) {
	t.Parallel()
	procs, err := Processes()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(procs, func(p Stat) bool { return p.PID == os.Getpid() })
	if i < 0 || procs[i].PPID != os.Getppid() || procs[i].Exited() {
		t.Errorf("this process is not among %d processes as it is", len(procs))
	}
}
