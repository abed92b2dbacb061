package top

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// begin is when the tests begin.
var begin = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

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
		msg := tea.KeyPressMsg{Text: k, Code: []rune(k)[0]}
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

// TestFigures: rates are the differences of counters over time, and those of a dynlb that
// has started again begin anew.
func TestFigures(t *testing.T) {
	t.Parallel()
	m := screen(120, 40)
	for second := 1; second <= 5; second++ {
		m.Update(state(uint64(100 * second)))
		m.Update(Tick(begin.Add(time.Duration(second) * time.Second)))
	}
	wantShown(t, m, "req/s 100", "5xx/s 10.0", "in flight 9", "3 ready of 3 (1 to 8)", "load 1.50", "up above 3, down below 0.5",
		"p50 5.0 ms", "p95 9.5 ms", "p99 9.9 ms", "1m5s ago, by window: avg load 4.2 > 3")
	m.Update(state(10)) // of another process
	m.Update(Tick(begin.Add(6 * time.Second)))
	wantShown(t, m, "req/s 0 ")
}

// TestSort: each column sorts, what is looked for most often first, and the selection stays
// with its instance.
func TestSort(t *testing.T) {
	t.Parallel()
	m := screen(140, 40)
	if all, selected := order(m); all != "acb" || selected != "a" {
		t.Errorf("by age: %s, selected %s", all, selected)
	}
	press(m, "down")
	for _, c := range []struct {
		column, keys, all string
	}{
		{"INSTANCE", "", "abc"},
		{"IN-FLIGHT", "", "bca"},
		{"IN-FLIGHT", "r", "acb"},
	} {
		for columns[m.sort].title != c.column {
			press(m, "s")
		}
		if c.keys != "" {
			press(m, c.keys)
		}
		if all, selected := order(m); all != c.all || selected != "c" {
			t.Errorf("by %s %s: %s, selected %s; want %s, selected c", c.column, c.keys, all, selected, c.all)
		}
	}
	press(m, "G")
	if _, selected := order(m); selected != "b" {
		t.Errorf("at the end: %s", selected)
	}
	press(m, "down", "g")
	if _, selected := order(m); selected != "a" {
		t.Errorf("at the beginning: %s", selected)
	}
}

// TestSizes: on each size no line is too wide and there are not too many, and what matters
// most stays.
func TestSizes(t *testing.T) {
	t.Parallel()
	for width := 1; width <= 160; width += 3 {
		for _, height := range []int{1, 2, 5, 10, 24, 60} {
			m := screen(width, height)
			s := state(100)
			for _, in := range s.Response.Pool.Instances {
				in.Version = "版本二十三"
			}
			m.Update(s)
			for _, keys := range []string{"", "e", "?"} {
				if keys != "" {
					press(m, keys)
				}
				lines := m.Lines()
				if len(lines) > height {
					t.Fatalf("%d x %d, after %q: %d lines", width, height, keys, len(lines))
				}
				for _, line := range lines {
					if lipgloss.Width(line) > width {
						t.Fatalf("%d x %d, after %q: %q has width %d", width, height, keys, line, lipgloss.Width(line))
					}
				}
			}
		}
	}
	narrow, wide := shown(screen(40, 20)), shown(screen(160, 20))
	if !strings.Contains(narrow, "IN-FLIGHT") || strings.Contains(narrow, "ADDRESS") || !strings.Contains(wide, "ADDRESS") || strings.Contains(wide, "STREAMS") {
		t.Errorf("40 wide:\n%s\n160 wide:\n%s", narrow, wide)
	}
}

// TestWideCells: the columns stand below each other also beside wide characters.
func TestWideCells(t *testing.T) {
	t.Parallel()
	m := screen(160, 20)
	s := state(0)
	s.Response.Pool.Instances[0].Version = "版本"
	s.Response.Pool.Instances[1].Version = "v1"
	s.Response.Pool.Instances[2].Version = "\x1b[2Jv\u202e3"
	m.Update(s)
	columns := map[int]bool{}
	for line := range strings.Lines(shown(m)) {
		if before, _, ok := strings.Cut(line, "127.0.0.1:5001"); ok {
			columns[lipgloss.Width(before)] = true
		}
	}
	if len(columns) != 1 || strings.Contains(strings.Join(m.Lines(), ""), "\x1b[2J") {
		t.Errorf("the addresses begin in columns %v:\n%s", columns, shown(m))
	}
}

// TestApps: several apps are on the screen by turns, and one that is gone is not.
func TestApps(t *testing.T) {
	t.Parallel()
	m := screen(100, 30)
	m.Update(Apps{"api", "default"})
	m.Update(State{"api", &dynlbv1.WatchInstancesResponse{Pool: pool(0, instance("dddddddd", 5, 0, 0))}})
	wantShown(t, m, "api [default]", "aaaaaaaa", "tab next app")
	press(m, "tab")
	wantShown(t, m, "[api] default", "dddddddd")
	m.Update(Apps{"default"})
	wantShown(t, m, "aaaaaaaa")
	if text := m.Plain(); strings.Contains(text, "\x1b") || !strings.Contains(text, "aaaaaaaa") {
		t.Errorf("plain: %q", text)
	}
}

// TestLog: the log of the selected instance is followed, that of another one is not shown,
// and without a screen for it none is followed.
func TestLog(t *testing.T) {
	t.Parallel()
	var followed []string
	m := New(Options{Now: begin, Follow: func(app, instance string) tea.Cmd {
		followed = append(followed, app+" "+instance)
		return nil
	}})
	m.Update(tea.WindowSizeMsg{Width: 80, Height: 30})
	m.Update(Apps{"default"})
	m.Update(state(0))
	press(m, "enter")
	line := func(text string) []*dynlbv1.LogLine {
		return []*dynlbv1.LogLine{{Time: timestamppb.New(begin), Text: text, Stream: "stderr"}}
	}
	m.Update(Log{Instance: "aaaaaaaa-0000", Lines: line("hello")})
	m.Update(Log{Instance: "bbbbbbbb-0000", Lines: line("other")})
	wantShown(t, m, "log of aaaaaaaa", "hello")
	if strings.Contains(shown(m), "other") {
		t.Error("the log of another instance is shown")
	}
	press(m, "down")
	if strings.Contains(shown(m), "hello") {
		t.Error("the log of the instance before is shown")
	}
	press(m, "esc")
	want := []string{"default aaaaaaaa-0000", "default cccccccc-0000", "default "}
	if fmt.Sprint(followed) != fmt.Sprint(want) {
		t.Errorf("followed %q, want %q", followed, want)
	}
}

// TestExits: the last exits are those of the past and those that happen, the newest first.
func TestExits(t *testing.T) {
	t.Parallel()
	m := screen(80, 30)
	exit := func(id, reason string) *dynlbv1.Event {
		return &dynlbv1.Event{Type: dynlbv1.EventType_EVENT_TYPE_EXITED, InstanceId: id, Reason: reason, Output: []string{"boom"}, Time: timestamppb.New(begin)}
	}
	press(m, "e")
	wantShown(t, m, "none is known")
	s := state(0)
	s.Response.Events = []*dynlbv1.Event{exit("e2", "signal: killed")}
	m.Update(s)
	m.Update(Past{"default", []*dynlbv1.Event{exit("e1", "exit status 1")}})
	text := shown(m)
	newer, older := strings.Index(text, "e2: signal: killed"), strings.Index(text, "e1: exit status 1")
	if newer < 0 || older < newer || !strings.Contains(text, "    boom") {
		t.Errorf("the exits:\n%s", text)
	}
}

// TestConnection: a lost connection is on the screen, with the last state, until it is back.
func TestConnection(t *testing.T) {
	t.Parallel()
	m := screen(100, 30)
	m.Update(Connection{Lost: true, Reason: "dynlb is shutting down"})
	m.Update(Tick(begin.Add(7 * time.Second)))
	wantShown(t, m, "connection lost 7s ago, waiting for dynlb: dynlb is shutting down", "aaaaaaaa")
	m.Update(Connection{})
	if strings.Contains(shown(m), "lost") {
		t.Errorf("the connection is back:\n%s", shown(m))
	}
}

// TestProblems: what an operator has to know has a line of its own.
func TestProblems(t *testing.T) {
	t.Parallel()
	m := screen(120, 30)
	s := state(0)
	p := s.Response.Pool
	p.Paused, p.UnavailableReason, p.Brake, p.ConfigError = true, "cannot start: no such file", "memory", "config.yaml:1: bad\nmore"
	p.Deploy = &dynlbv1.DeployState{Version: "v2"}
	m.Update(s)
	wantShown(t, m, "paused", "cannot start: no such file", "not more instances: memory", "config reload failed: config.yaml:1: bad", "deploy of v2")
}

// TestEnd: keys and messages that end the program do.
func TestEnd(t *testing.T) {
	t.Parallel()
	quits := func(cmd tea.Cmd) bool {
		if cmd == nil {
			return false
		}
		_, ok := cmd().(tea.QuitMsg)
		return ok
	}
	if !quits(press(screen(80, 24), "q")) {
		t.Error("q does not quit")
	}
	m, failure := screen(80, 24), errors.New("no more")
	if _, cmd := m.Update(Failure{failure}); !quits(cmd) || !errors.Is(m.Err(), failure) {
		t.Errorf("a failure: %v", m.Err())
	}
	if _, cmd := m.Update(Closed{}); !quits(cmd) {
		t.Error("the end of the terminal does not quit")
	}
}
