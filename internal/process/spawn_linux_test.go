package process

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/process/processtest"
	"github.com/dynlb/dynlb/internal/process/procfs"
)

func init() {
	roles["limits"] = roleLimits
	roles["init"] = roleInit
}

// lockedGoroutines start and end, each with a thread of its own that dies.
func lockedGoroutines(n int) {
	var group sync.WaitGroup
	slots := make(chan struct{}, 64)
	for range n {
		slots <- struct{}{}
		group.Go(func() {
			runtime.LockOSThread() // not unlocked: the thread ends with the goroutine
			<-slots
		})
	}
	group.Wait()
}

// lockedGoroutinesKept makes n threads, which stay.
func lockedGoroutinesKept(n int) {
	var group, all sync.WaitGroup
	all.Add(n)
	for range n {
		group.Go(func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			all.Done()
			all.Wait()
		})
	}
	group.Wait()
}

// The parent-death signal follows the thread; see spawnLoop.
func TestDyingThreadsKillNoChild(t *testing.T) {
	n := 10_000
	if testing.Short() {
		n = 2_000
	}
	line := processtest.NewLifeline(t)
	const children = 20
	var group sync.WaitGroup
	processes := make([]*Process, children)
	for i := range processes {
		group.Go(func() {
			runtime.LockOSThread() // even the starting thread ends
			processes[i] = start(t, roleSpec("alive", line.Address()))
		})
	}
	group.Wait()
	var lives []processtest.Life
	for range children {
		lives = append(lives, line.Accept())
	}
	lockedGoroutines(n)
	for _, l := range lives {
		l.ExpectAlive()
	}
	for _, p := range processes {
		select {
		case <-p.Done():
			t.Errorf("child %d is done: %+v", p.PID(), p.Exit())
		default:
		}
	}
}

func TestChildDiesWithItsKilledParent(t *testing.T) {
	line := processtest.NewLifeline(t)
	spec := roleSpec("middle", "ignore-term", line.Address())
	middle := &exec.Cmd{Path: spec.Argv[0], Args: spec.Argv, Env: spec.Env, Stderr: os.Stderr}
	if err := middle.Start(); err != nil {
		t.Fatal(err)
	}
	child := line.Accept()
	if err := middle.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	child.ExpectDeath(time.Second)
	_ = middle.Wait()
}

// roleLimits prints what a child of this package inherits: file descriptors,
// open-file limit, signal mask and ignored signals, group.
func roleLimits([]string) int {
	p, err := Start(Spec{
		Argv: []string{"/bin/sh", "-c", `
			for f in /proc/$$/fd/*; do
				[ -L $f ] && echo fds ${f##*/} # not what the listing itself had open
			done
			echo stdin $(readlink /proc/$$/fd/0)
			echo nofile $(ulimit -S -n)
			echo group $(cut -d' ' -f5 /proc/$$/stat) $$
			exec grep -E '^Sig(Blk|Ign):' /proc/self/status`},
		Env: os.Environ(),
	})
	if err != nil {
		panic(err)
	}
	<-p.Done()
	for _, line := range p.Tail() {
		fmt.Println(line)
	}
	return p.Exit().Code
}

func TestInheritance(t *testing.T) {
	leak, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer leak.Close()
	spec := roleSpec("limits")
	middle := exec.Command("/bin/sh", append([]string{"-c", `ulimit -S -n 321; exec "$@"`, "sh"}, spec.Argv...)...)
	middle.Env, middle.Stderr = spec.Env, os.Stderr
	middle.ExtraFiles = []*os.File{leak, leak} // open in the middle, not marked close-on-exec
	out, err := middle.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got := make(map[string]string)
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		name, tab, _ := strings.Cut(name, "\t")
		got[name] = strings.TrimSpace(got[name] + " " + tab + value)
	}
	for name, want := range map[string]string{
		"fds": "0 1 2", "stdin": os.DevNull, "nofile": "321",
		"SigBlk:": "0000000000000000",
	} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	// What this process was started with is not dynlb's doing: nohup has all
	// descendants ignore SIGHUP, and glibc's posix_spawn, which make uses, signal 32.
	if ignored, err := strconv.ParseUint(got["SigIgn:"], 16, 64); err != nil || ignored&^ignoredHere(t) != 0 {
		t.Errorf("ignored signals %s (%v), want those of this process, %x", got["SigIgn:"], err, ignoredHere(t))
	}
	var pgrp, pid int
	if _, err := fmt.Sscan(got["group"], &pgrp, &pid); err != nil || pgrp != pid {
		t.Errorf("group = %q (%v), want the child's own", got["group"], err)
	}
}

// ignoredHere returns the signals that this process ignores.
func ignoredHere(t *testing.T) uint64 {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nSigIgn:\t")
	text, _, _ := strings.Cut(rest, "\n")
	set, err := strconv.ParseUint(text, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// openFiles counts this process's file descriptors.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(entries)
}

// countLeaks runs something and reports what is left of it: more open files or
// goroutines than a first round of it left, a child, a cgroup.
func countLeaks(t *testing.T, round func(n int), n int) {
	t.Helper()
	round(8) // what is made once is made now
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

// rounds returns a function that runs a child n times, eight at once.
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
	marked := rounds(t, Spec{Argv: []string{"/bin/true"}, Mark: orphan.NewMark(t.Name())}) // each looks at every process of the machine
	countLeaks(t, func(n int) { plain(n * 4 / 5); marked(n - n*4/5) }, n)
}

// The same for children that print and leave others behind.
func TestBusySpawnsLeaveNothing(t *testing.T) {
	spec := Spec{
		Argv: []string{"/bin/sh", "-c", "echo out; echo err >&2; (exec sleep 1000) & exit 1"},
		Env:  os.Environ(), Output: func(Line) {},
	}
	n := 500
	if testing.Short() {
		n = 100
	}
	countLeaks(t, rounds(t, spec), n)
}

// roleInit: init HOW ADDRESS makes itself the process that orphans are given to,
// as process 1 of a container is, runs a child that leaves one in the way of
// parent, and counts the children that are left.
func roleInit(args []string) int {
	const prSetChildSubreaper = 36 // prctl(2)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetChildSubreaper, 1, 0); errno != 0 {
		panic(errno)
	}
	spec := roleSpec("parent", args[0], "alive", args[1])
	spec.Mark = orphan.NewMark("test")
	p, err := Start(spec)
	if err != nil {
		panic(err)
	}
	<-p.Done()
	procs, err := procfs.Processes()
	if err != nil {
		panic(err)
	}
	left := 0
	for _, proc := range procs {
		if proc.PPID == os.Getpid() {
			left++
		}
	}
	return left
}

func TestOrphansOfTheGroupAreReaped(t *testing.T) {
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("init", "leave", line.Address()))
	line.Accept()
	if exit := await(t, p); exit.Code != 0 {
		t.Errorf("exit = %+v, want no child left", exit)
	}
}

func TestOrphansOutsideTheGroupAreReaped(t *testing.T) {
	needCgroups(t)
	line := processtest.NewLifeline(t)
	p := start(t, roleSpec("init", "setsid", line.Address()))
	line.Accept()
	if exit := await(t, p); exit.Code != 0 {
		t.Errorf("exit = %+v, want no child left", exit)
	}
}
