package process

import (
	"os"
	"runtime"
	"sync"
	"testing"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

// openFiles counts this process's file descriptors.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(entries)
}

// expectNoLeaks runs n rounds and fails the test if they leave something behind: more
// open files or goroutines than some rounds before them, a child, or a cgroup.
func expectNoLeaks(t *testing.T, round func(n int), n int) {
	t.Helper()
	round(8) // the first rounds open what stays open
	files, goroutines := openFiles(), runtime.NumGoroutine()
	round(n)
	if n := processtest.Settle(openFiles, files); n > files {
		t.Errorf("%d open files, were %d", n, files)
	}
	if n := processtest.Settle(runtime.NumGoroutine, goroutines); n > goroutines {
		t.Errorf("%d goroutines, were %d", n, goroutines)
	}
	procs, err := procfs.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range procs {
		if p.PPID == os.Getpid() {
			t.Errorf("child left behind: %+v", p)
		}
	}
	if left := ownCgroups(); left > 0 {
		t.Errorf("%d cgroups left behind", left)
	}
}

// rounds returns a function that runs a child n times, up to eight at once.
func rounds(t *testing.T, spec Spec) func(n int) {
	return func(n int) {
		var group sync.WaitGroup
		slots := make(chan struct{}, 8)
		for range n {
			slots <- struct{}{}
			group.Go(func() {
				defer func() { <-slots }()
				p, err := Start(spec)
				if err != nil {
					t.Error(err)
					return
				}
				<-p.Done()
			})
		}
		group.Wait()
	}
}

// 5,000 spawns and exits leave no zombie, file descriptor, goroutine or cgroup.
func TestSpawnsLeaveNothing(t *testing.T) {
	n := 5_000
	if testing.Short() {
		n = 500
	}
	plain := rounds(t, Spec{Argv: []string{"/bin/true"}})
	marked := rounds(t, Spec{Argv: []string{"/bin/true"}, Mark: orphan.NewMark(t.Name())}) // each end reads all processes of the machine
	expectNoLeaks(t, func(n int) { plain(n * 4 / 5); marked(n - n*4/5) }, n)
}

// Nor do children that print, and exit before a child of theirs.
func TestBusySpawnsLeaveNothing(t *testing.T) {
	spec := Spec{
		Argv: []string{"/bin/sh", "-c", "echo out; echo err >&2; (exec sleep 1000) & exit 1"},
		Env:  os.Environ(), Output: func(Line) error { return nil },
	}
	n := 500
	if testing.Short() {
		n = 100
	}
	expectNoLeaks(t, rounds(t, spec), n)
}
