package main

import (
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary play the parts that the benchmark starts as
// processes of their own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"origin", "proxy", "load"}, os.Args[1]) {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// TestRounds is a whole run, small, with real processes.
func TestRounds(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	if runtime.GOOS != "linux" {
		t.Skip("the benchmark runs on Linux only")
	}
	runtime.LockOSThread()                  // see main
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or each part lingers for a second
	s := settings{
		Rounds: 2, Duration: 100 * time.Millisecond, Warmup: 50 * time.Millisecond,
		Peers: []string{"bare", "direct"}, Workloads: []string{"get-8"},
	}
	before := children(t)
	found := findings{versions: map[string]string{}}
	if err := found.runRounds(t.Context(), s, false, t.Output()); err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, smp := range found.samples {
		order = append(order, smp.Peer)
		if smp.Requests == 0 || smp.Failed > 0 || smp.Elapsed < s.Duration || smp.ClientCPU == 0 {
			t.Errorf("implausible: %+v", smp)
		}
		if hasCPU := smp.PeerCPU > 0 && smp.Memory > 0; hasCPU != (smp.Peer == "bare") {
			t.Errorf("%s: CPU time %v, memory %d", smp.Peer, smp.PeerCPU, smp.Memory)
		}
	}
	if want := []string{"bare", "direct", "direct", "bare"}; !slices.Equal(order, want) {
		t.Errorf("measured in order %v, want %v", order, want)
	}
	if after := children(t); after != before {
		t.Errorf("children before %q, after %q", before, after)
	}
}

// children lists the processes this one has started and not reaped.
func children(t *testing.T) string {
	t.Helper()
	var found strings.Builder
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if pids, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children"); err == nil {
			found.Write(pids)
		}
	}
	return found.String()
}
