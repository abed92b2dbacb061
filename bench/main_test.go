package main

import (
	"errors"
	"os"
	"reflect"
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

func TestParseSettings(t *testing.T) {
	s, err := parseSettings([]string{"-rounds", "2", "-peers", "nginx,bare", "-out", ""})
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		Rounds: 2, Duration: 3 * time.Second, Warmup: 500 * time.Millisecond,
		Connections: 64, Peers: []string{"nginx", "bare"},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestParseSettingsReportsEveryProblem(t *testing.T) {
	_, err := parseSettings(strings.Fields(
		"-rounds 0 -duration 1h -warmup -1s -connections 5000 -peers bare,bare,apache"))
	if !errors.Is(err, errUsage) {
		t.Fatalf("got %v, want a usage error", err)
	}
	for _, part := range []string{"-rounds 0", "-duration 1h", "-warmup -1s", "-connections 5000", "named twice", `"apache"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in: %v", part, err)
		}
	}
	if _, err := parseSettings([]string{"extra"}); !errors.Is(err, errUsage) {
		t.Errorf("a left-over argument: got %v, want a usage error", err)
	}
}

// TestRounds is a whole run, small, with real processes.
func TestRounds(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the benchmark runs on Linux only")
	}
	runtime.LockOSThread()                  // see main
	t.Setenv("GORACE", "atexit_sleep_ms=0") // or each part lingers for a second
	s := settings{
		Rounds: 2, Duration: 100 * time.Millisecond, Warmup: 50 * time.Millisecond,
		Connections: 8, Peers: []string{"bare", "direct"},
	}
	before := children(t)
	found, err := runRounds(t.Context(), s, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, smp := range found.samples {
		order = append(order, smp.Peer)
		if smp.Requests == 0 || smp.Failed > 0 || smp.Elapsed < s.Duration || smp.ClientCPU == 0 {
			t.Errorf("implausible: %+v", smp)
		}
		if hasCPU := smp.PeerCPU > 0; hasCPU != (smp.Peer == "bare") {
			t.Errorf("%s: CPU time %v", smp.Peer, smp.PeerCPU)
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
