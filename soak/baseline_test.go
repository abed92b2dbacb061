package main

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"
	"time"
)

func TestReadingIsJudged(t *testing.T) {
	before := reading{goroutines: 30, descriptors: 20}
	good := reading{
		goroutines: 30 + slack, descriptors: 20 - slack, instances: minInstances, ready: minInstances,
		wanted: minInstances, processes: minInstances, memory: 1000,
	}
	if bad := good.unsettled(before); len(bad) > 0 {
		t.Errorf("as before, and yet %v", bad)
	}
	for name, spoil := range map[string]func(*reading){
		"goroutines":             func(r *reading) { r.goroutines++ },
		"descriptors":            func(r *reading) { r.descriptors = 21 + slack },
		"instances":              func(r *reading) { r.instances++ },
		"ready instances":        func(r *reading) { r.ready-- },
		"instances wanted":       func(r *reading) { r.wanted, r.instances, r.ready, r.processes = 3, 3, 3, 3 },
		"processes of instances": func(r *reading) { r.processes-- },
		"zombies":                func(r *reading) { r.zombies++ },
		"requests in flight":     func(r *reading) { r.inFlight++ },
		"requests waiting":       func(r *reading) { r.waiting++ },
	} {
		r := good
		spoil(&r)
		if bad := r.unsettled(before); len(bad) != 1 {
			t.Errorf("%s: told %v", name, bad)
		}
	}
}

// TestProcesses examines a process of its own: alive, dead and reaped.
func TestProcesses(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("there is no /proc")
	}
	cmd := exec.Command("cat")
	cmd.Env = []string{"DYNLB_INSTANCE=123.456/some-id"}
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	for deadline := time.Now().Add(10 * time.Second); !instanceOf(123, pid) && time.Now().Before(deadline); {
		runtime.Gosched() // exec gives it its environment a moment after Start has returned
	}
	if !instanceOf(123, pid) || instanceOf(12, pid) || !slices.Contains(instancesOf(123), pid) {
		t.Error("the mark was not found")
	}
	if !slices.Contains(childrenOf(os.Getpid()), pid) {
		t.Error("it is not among the children")
	}
	if gone(pid) || len(zombies([]int{pid})) > 0 {
		t.Error("a running process is gone")
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	for !gone(pid) { // it has ended and is not reaped yet
	}
	if got := zombies([]int{pid}); len(got) != 1 {
		t.Errorf("zombies: %v, want %d", got, pid)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if !gone(pid) || instanceOf(123, pid) || len(zombies([]int{pid})) > 0 {
		t.Error("a reaped process is still there")
	}
}
