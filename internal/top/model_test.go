package top

import (
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/types/known/timestamppb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// begin is when the tests begin.
var begin = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

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
	m.Update(state(60))
	m.Update(Tick(begin.Add(7 * time.Second)))
	wantShown(t, m, "req/s 50")
}

// TestSort: each column sorts, the row that an operator wants to see most first, and the selection stays
// with its instance.
func TestSort(t *testing.T) {
	t.Parallel()
	if columns[defaultSort].title != "AGE" || columns[streamsColumn].title != "STREAMS" {
		t.Fatalf("the columns %s and %s have these names", columns[defaultSort].title, columns[streamsColumn].title)
	}
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
	m := New(Options{Now: begin, Follow: func(app, instance string) {
		followed = append(followed, app+" "+instance)
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
