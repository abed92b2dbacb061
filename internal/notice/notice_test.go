package notice

import (
	"errors"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// newBoard returns a Board and the registry under it.
func newBoard() (*Board, *registry.Registry) {
	r := registry.New(registry.Options{QueueLimit: 1})
	return New(r), r
}

// add registers an instance that is ready.
func add(t *testing.T, r *registry.Registry) registry.ID {
	t.Helper()
	id := r.Add(registry.Spec{Endpoint: registry.TCP("127.0.0.1", 5001), Reason: "test"})
	if err := r.Transition(id, registry.Ready, "test"); err != nil {
		t.Fatal(err)
	}
	return id
}

func TestTarget(t *testing.T) {
	t.Parallel()
	b, _ := newBoard()
	bounds, until := Bounds{Min: 1, Max: 4}, time.Now()
	b.SetTarget(2, bounds, until, "because")
	b.SetTarget(2, bounds, until, "no news")
	now, events, _ := b.Since(0)
	if now.Target != 2 || now.Bounds != bounds || !now.HoldUntil.Equal(until) {
		t.Errorf("report %+v", now.Report)
	}
	if len(events) != 1 || events[0].Type != Scaled || events[0].Reason != "because" {
		t.Errorf("events %+v, want one, for the change", events)
	}
}

func TestChangesOfTheTargetAreCounted(t *testing.T) {
	t.Parallel()
	b, _ := newBoard()
	bounds := Bounds{Max: 8}
	for _, n := range []int{2, 4, 4, 5, 3, 0, 2} {
		b.SetTarget(n, bounds, time.Time{}, "test")
	}
	if now := b.Snapshot(); now.Raised != 3 || now.Lowered != 2 {
		t.Errorf("raised %d times, lowered %d times; want 3 and 2", now.Raised, now.Lowered)
	}
}

// TestTrouble: requests and readers of the board get the same text, and each new
// reason is an event.
func TestTrouble(t *testing.T) {
	t.Parallel()
	b, r := newBoard()
	for _, reason := range []string{"a", "a", "b", "", "", "b"} {
		b.SetTrouble(reason)
		if now := b.Snapshot(); now.Trouble != reason || r.Trouble() != reason {
			t.Errorf("trouble %q on the board, %q for requests, want %q", now.Trouble, r.Trouble(), reason)
		}
	}
	_, events, _ := b.Since(0)
	if len(events) != 3 {
		t.Fatalf("events %+v, want three", events)
	}
	for i, want := range []string{"a", "b", "b"} {
		if e := events[i]; e.Type != StartFailed || e.Reason != want || e.ID != "" {
			t.Errorf("event %d: %+v, want %q", i, e, want)
		}
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	b, _ := newBoard()
	b.SetReload(nil)
	loaded := b.Snapshot().Reload
	if loaded.Time.IsZero() || loaded.Error != "" {
		t.Errorf("after a reload: %+v", loaded)
	}
	b.SetReload(errors.New("bad"))
	now, events, _ := b.Since(0)
	if now.Reload.Error != "bad" || !now.Reload.Time.Equal(loaded.Time) {
		t.Errorf("after a reload that failed: %+v, want the time of the one before and the error", now.Reload)
	}
	if len(events) != 2 || events[0].Type != Reloaded || events[1].Type != ReloadFailed || events[1].Reason != "bad" {
		t.Errorf("events %+v", events)
	}
}

func TestExitAndRestart(t *testing.T) {
	t.Parallel()
	b, r := newBoard()
	id := add(t, r)
	b.SetLastExit(Exit{ID: id, Reason: "exit status 1"})
	b.CountRestart()
	b.CountRestart()
	if now := b.Snapshot(); now.LastExit.ID != id || now.LastExit.Reason != "exit status 1" || now.Restarts != 2 {
		t.Errorf("report %+v", now.Report)
	}
}

// TestExitIsOneEvent: an instance that has ended unasked is gone with one event, which has
// its version, and one that was stopped with another.
func TestExitIsOneEvent(t *testing.T) {
	t.Parallel()
	b, r := newBoard()
	died, stopped := add(t, r), add(t, r)
	_, _, next := b.Events(0)
	b.SetLastExit(Exit{ID: died, Reason: "signal: killed", Version: "v1"})
	for _, id := range []registry.ID{died, stopped} {
		if err := r.Transition(id, registry.Stopped, "signal: killed"); err != nil {
			t.Fatal(err)
		}
	}
	b.RecordUncleanEnd("killed")
	events, _, _ := b.Events(next)
	if len(events) != 3 || events[0].Type != Exited || events[0].ID != died || events[0].Version != "v1" ||
		events[1].Type != Stopped || events[1].ID != stopped || events[2].Type != UncleanEnd {
		t.Errorf("events %+v", events)
	}
}

// TestSetBrake: a brake that begins is an event, and its end is not.
func TestSetBrake(t *testing.T) {
	t.Parallel()
	b := New(registry.New(registry.Options{}))
	changed, stop := b.Watch()
	defer stop()
	for _, brake := range []string{"memory", "cpu", ""} {
		b.SetBrake(brake)
		select {
		case <-changed:
		default:
			t.Errorf("watchers are not told of %q", brake)
		}
		if got := b.Snapshot().Brake; got != brake {
			t.Errorf("the report has %q, want %q", got, brake)
		}
	}
	_, events, _ := b.Since(0)
	if len(events) != 2 || events[0].Type != Braked || events[0].Reason != "memory" || events[1].Reason != "cpu" {
		t.Errorf("events %+v, want the beginning of both brakes", events)
	}
}
