package main

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	for _, test := range []struct {
		line string
		want procStat
	}{
		{"42 (nginx) S 1 40 40 0 -1 4194560 1", procStat{group: 40}},
		{"42 (a) b) (c) R 1 41 41 0", procStat{group: 41}},
		{"42 () Z 1 7 7", procStat{group: 7, dead: true}},
		{"42 (gone) X 1 0 0", procStat{dead: true}},
	} {
		got, err := parseStat(test.line)
		if err != nil || got != test.want {
			t.Errorf("%q: got %+v, %v; want %+v", test.line, got, err, test.want)
		}
	}
	for _, line := range []string{"", "42", "42 (nginx", "42 (nginx) S", "42 (nginx) S 1 x 3"} {
		if got, err := parseStat(line); err == nil {
			t.Errorf("%q: got %+v, want an error", line, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add("42 (a) b) S 1 40 40 0")
	f.Fuzz(func(t *testing.T, line string) {
		if _, err := parseStat(line); err == nil && !strings.Contains(line, ")") {
			t.Errorf("took %q", line)
		}
	})
}

func TestGroupMembers(t *testing.T) {
	root := t.TempDir()
	for pid, line := range map[string]string{
		"30":   "30 (worker) S 10 10 10 0",
		"10":   "10 (master) S 1 10 10 0",
		"20":   "20 (other) R 1 20 20 0",
		"31":   "31 (reaped soon) Z 10 10 10 0",
		"self": "not a process",
	} {
		if err := os.Mkdir(filepath.Join(root, pid), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, pid, "stat"), []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(root, "40"), 0o700); err != nil { // ended since the listing
		t.Fatal(err)
	}
	got, err := groupMembers(root, 10)
	if want := []int{10, 30}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestGroupClock(t *testing.T) {
	none, err := newGroupClock(0)
	if used, readErr := none.read(); err != nil || readErr != nil || used != 0 || none.check() != nil {
		t.Errorf("no group: got %v, %v, %v; want 0", used, err, readErr)
	}
	if _, err := newGroupClock(1 << 30); err == nil {
		t.Error("a group that is gone: got none, want an error")
	}
}

func TestGroupClockSeesWhoCameAndWent(t *testing.T) {
	c := shell(t, "echo up; exec sleep 100")
	if err := c.awaitReady(t.Context(), said(c, "up")); err != nil {
		t.Fatal(err)
	}
	clock, err := newGroupClock(c.group())
	if err != nil {
		t.Fatal(err)
	}
	if err := clock.check(); err != nil {
		t.Errorf("nobody came or went: %v", err)
	}
	clock.pids = append(clock.pids, 1<<22-1) // the last there can be
	if err := clock.check(); err == nil {
		t.Error("a process ended: got none, want an error")
	}
	if _, err := clock.read(); err == nil {
		t.Error("read a process that is gone")
	}
}

// TestProcessCPU holds the clock against getrusage(2), which knows the same
// time of this process by another way.
func TestProcessCPU(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the benchmark runs on Linux only")
	}
	read := func() (clock, rusage time.Duration) {
		clock, err := processCPU(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			t.Fatal(err)
		}
		return clock, time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	clock0, rusage0 := read()
	for end := clock0 + 50*time.Millisecond; ; {
		clock, rusage := read()
		if clock < end {
			continue
		}
		if gap := (clock - clock0) - (rusage - rusage0); gap.Abs() > 5*time.Millisecond {
			t.Errorf("the clock says %v, getrusage %v", clock-clock0, rusage-rusage0)
		}
		return
	}
}
