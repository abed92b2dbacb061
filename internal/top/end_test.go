package top

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

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

// TestRoom: what is below the table gets half of the room at most, and none that it does not
// need.
func TestRoom(t *testing.T) {
	t.Parallel()
	m := screen(80, 17)
	press(m, "e")
	if all, _ := order(m); len(all) != 3 {
		t.Errorf("of three instances there are %s:\n%s", all, shown(m))
	}
	a := m.current()
	for range 20 {
		a.exits = append(a.exits, &dynlbv1.Event{InstanceId: "e", Reason: "ended"})
	}
	wantShown(t, m, "INSTANCE", "e: ended")
	if strings.Count(shown(m), "e: ended") < 2 {
		t.Errorf("the exits:\n%s", shown(m))
	}
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
