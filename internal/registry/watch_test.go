package registry

import (
	"slices"
	"testing"
)

// told is the arguments of a call of Moved.
type told struct {
	id     ID
	to     State
	reason string
}

// observer is an Observer that records its calls.
type observer struct {
	moves   []told
	changes int
}

func (o *observer) Moved(id ID, to State, reason string) {
	o.moves = append(o.moves, told{id, to, reason})
}

func (o *observer) Changed() { o.changes++ }

func TestObserverLearnsEveryMove(t *testing.T) {
	t.Parallel()
	r, o := New(Options{}), new(observer)
	r.Observe(o)
	id := add(t, r, Ready)
	move(t, r, id, Unhealthy)
	want := []told{{id, Starting, "test"}, {id, Ready, "test"}, {id, Unhealthy, "test"}}
	if !slices.Equal(o.moves, want) || o.changes != 0 {
		t.Errorf("moves %v and %d other changes, want %v and none", o.moves, o.changes, want)
	}
	if err := r.SetHandle(id, "pid 1"); err != nil {
		t.Fatal(err)
	}
	r.SetTrouble("no such file")
	r.SetTrouble("no such file")
	if o.changes != 2 || len(o.moves) != len(want) {
		t.Errorf("%d other changes, want 2: a handle and a trouble", o.changes)
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	r := New(Options{QueueLimit: 1})
	id := add(t, r, Starting)
	before := r.Changes()
	if err := r.SetEndpoint(id, TCP("::1", 5001)); err != nil {
		t.Fatal(err)
	}
	move(t, r, id, Ready)
	after := r.Changes()
	if after != before+2 {
		t.Errorf("%d changes for a new endpoint and a new state, want 2", after-before)
	}
	acquire(t, r).Release()
	r.SetTrouble("no such file")
	if got := r.Changes(); got != after {
		t.Error("a request or the trouble counts as a change of an instance")
	}
}

func TestWatchCoalescesAndStops(t *testing.T) {
	t.Parallel()
	r := New(Options{QueueLimit: 1})
	changed, stop := r.Watch()
	add(t, r, Ready)
	add(t, r, Ready)
	<-changed
	select {
	case <-changed:
		t.Error("two values for changes before a read")
	default:
	}
	acquire(t, r).Release()
	select {
	case <-changed:
		t.Error("traffic was announced")
	default:
	}
	stop()
	add(t, r, Ready)
	select {
	case <-changed:
		t.Error("announced after stop")
	default:
	}
}
