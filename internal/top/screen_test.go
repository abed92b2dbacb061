package top

import (
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// instance returns one that was started some seconds before begin.
func instance(id string, seconds, inFlight int, requests uint64) *dynlbv1.Instance {
	return &dynlbv1.Instance{
		Id: id + "-0000", State: dynlbv1.InstanceState_INSTANCE_STATE_READY, Address: "127.0.0.1:5001",
		StartTime: timestamppb.New(begin.Add(-time.Duration(seconds) * time.Second)), InFlight: int32(inFlight), TotalRequests: requests,
		MemoryBytes: 64 << 20, CpuCores: 0.25, ResponseTimeMs: 12,
	}
}

// pool returns an app with instances and as many requests that took up to 10 ms, of which
// one in ten failed.
func pool(requests uint64, instances ...*dynlbv1.Instance) *dynlbv1.Pool {
	return &dynlbv1.Pool{
		Target: int32(len(instances)), MinInstances: 1, MaxInstances: 8, Instances: instances, Load: 1.5, ScaleUpThreshold: 3, ScaleDownThreshold: 0.5,
		LastDecision: &dynlbv1.Decision{Time: timestamppb.New(begin.Add(-time.Minute)), Rule: "window", Reason: "avg load 4.2 > 3 over 5s: 2 -> 3"},
		Traffic: &dynlbv1.Traffic{
			Success: requests * 9 / 10, ServerError: requests / 10,
			Durations: []*dynlbv1.DurationBucket{{UpperSeconds: 0.01, Count: requests}, {UpperSeconds: 0.1}, {}},
		},
	}
}

// screen returns a Model of a size with an app that has three instances.
func screen(width, height int) *Model {
	m := New(Options{Address: "127.0.0.1:4001", Now: begin})
	m.Update(tea.WindowSizeMsg{Width: width, Height: height})
	m.Update(Apps{"default"})
	m.Update(state(0))
	return m
}

// state returns a message after some requests.
func state(requests uint64) State {
	return State{"default", &dynlbv1.WatchInstancesResponse{
		Pool: pool(requests, instance("aaaaaaaa", 60, 1, requests/2), instance("bbbbbbbb", 10, 5, requests/4), instance("cccccccc", 30, 3, requests/4)),
	}}
}

// press sends keys.
func press(m *Model, keys ...string) (cmd tea.Cmd) {
	for _, k := range keys {
		msg := tea.KeyPressMsg{Text: k, Code: []rune(k)[0]} //nolint:gocritic // the keys are not empty
		switch k {
		case "down":
			msg = tea.KeyPressMsg{Code: tea.KeyDown}
		case "enter":
			msg = tea.KeyPressMsg{Code: tea.KeyEnter}
		case "tab":
			msg = tea.KeyPressMsg{Code: tea.KeyTab}
		case "esc":
			msg = tea.KeyPressMsg{Code: tea.KeyEscape}
		}
		_, cmd = m.Update(msg)
	}
	return cmd
}

// shown returns the screen without colours.
func shown(m *Model) string { return ansi.Strip(strings.Join(m.Lines(), "\n")) }

// order returns the letters of the instances as they stand in the table, and that of the
// selected one.
func order(m *Model) (all, selected string) {
	for line := range strings.Lines(shown(m)) {
		for _, id := range []string{"aaaaaaaa", "bbbbbbbb", "cccccccc"} {
			if strings.Contains(line, id) && !strings.Contains(line, "log of") {
				all += id[:1]
				if strings.HasPrefix(line, "▸") {
					selected += id[:1]
				}
			}
		}
	}
	return all, selected
}

func wantShown(t *testing.T, m *Model, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if got := shown(m); !strings.Contains(got, text) {
			t.Errorf("the screen lacks %q:\n%s", text, got)
		}
	}
}
