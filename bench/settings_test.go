package main

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseSettings(t *testing.T) {
	s, err := parseSettings([]string{"-rounds", "2", "-peers", "nginx,bare", "-workloads", "get-1,idle", "-out", ""})
	if err != nil {
		t.Fatal(err)
	}
	want := settings{
		Rounds: 2, Duration: 1200 * time.Millisecond, Warmup: 250 * time.Millisecond,
		Peers: []string{"nginx", "bare"}, Workloads: []string{"get-1", "idle"},
	}
	if !reflect.DeepEqual(s, want) {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func TestDefaultsTakeLessThanAQuarterOfAnHour(t *testing.T) {
	s, err := parseSettings(nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.estimate() > 15*time.Minute || len(s.todo()) != len(workloads()) {
		t.Errorf("%v for %d workloads", s.estimate(), len(s.todo()))
	}
}

func TestParseSettingsReportsEveryProblem(t *testing.T) {
	_, err := parseSettings(strings.Fields(
		"-rounds 0 -duration 1h -warmup -1s -workloads get-1,get-1,get-2 -peers bare,bare,apache"))
	if !errors.Is(err, errUsage) {
		t.Fatalf("got %v, want a usage error", err)
	}
	for _, part := range []string{
		"-rounds 0", "-duration 1h", "-warmup -1s", "-peers bare: named twice", `"apache"`,
		"-workloads get-1: named twice", `"get-2"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in: %v", part, err)
		}
	}
	if _, err := parseSettings([]string{"extra"}); !errors.Is(err, errUsage) {
		t.Errorf("a left-over argument: got %v, want a usage error", err)
	}
}

func TestOpenLoopsAreCalibrated(t *testing.T) {
	var names []string
	for _, w := range (settings{Workloads: []string{"half", "1m"}}).todo() {
		names = append(names, w.name)
	}
	if got := strings.Join(names, " "); got != "get-64 1m half" {
		t.Errorf("got %s, want the calibration first", got)
	}
}

func TestOpenRate(t *testing.T) {
	second := loadResult{Requests: 1000, Elapsed: time.Second}
	slow := loadResult{Requests: 300, Elapsed: time.Second}
	limits := maxima([]string{"a", "b"}, []sample{
		{Workload: calibration, Peer: "a", Round: 1, loadResult: second},
		{Workload: calibration, Peer: "b", Round: 1, loadResult: slow},
		{Workload: "1m", Peer: "b", Round: 1, loadResult: second},
	})
	for kind, want := range map[workloadKind]float64{openHalf: 500, openCommon: 150, closedLoop: 0} {
		if got := openRate(kind, "a", limits); got != want {
			t.Errorf("kind %d: got %v, want %v", kind, got, want)
		}
	}
}
