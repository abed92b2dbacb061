package registry

import (
	"testing"
	"time"
)

// TestElsewhere: the requests of another process count in the choice of an instance, in
// its idleness, and in its drain.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	busy, idle := add(t, r, Ready), add(t, r, Ready)
	r.SetElsewhere(7, map[ID]Elsewhere{busy: {InFlight: 2, Streams: 1}})
	r.SetElsewhere(8, map[ID]Elsewhere{busy: {InFlight: 1}, "gone": {InFlight: 1}})
	for range 2 {
		l, err := r.Acquire(t.Context(), Preference{})
		if err != nil {
			t.Fatal(err)
		}
		if l.ID() != idle {
			t.Errorf("got the instance that is busy elsewhere")
		}
	}
	in := r.Snapshot().Instances[0]
	if own := r.InFlight(); len(own) != 1 || own[idle] != (Elsewhere{InFlight: 2}) {
		t.Errorf("own requests: %v", own)
	}
	if in.InFlight != 3 || in.Streams != 1 || !in.IdleSince.IsZero() {
		t.Errorf("got %d in flight, idle since %v", in.InFlight, in.IdleSince)
	}
	drained, err := r.Drain(busy, "test")
	if err != nil {
		t.Fatal(err)
	}
	r.SetElsewhere(7, nil)
	select {
	case <-drained:
		t.Fatal("drained with a request elsewhere")
	default:
	}
	r.SetElsewhere(8, nil)
	select {
	case <-drained:
	default:
		t.Error("not drained")
	}
	r.SetElsewhere(8, nil) // again
	if in := r.Snapshot().Instances[0]; in.InFlight != 0 || in.IdleSince.IsZero() {
		t.Errorf("got %d in flight, idle since %v", in.InFlight, in.IdleSince)
	}
}

// TestElsewhereFreesAPlace: a request that waits gets the place that another process
// gives up, or makes a stream of.
func TestElsewhereFreesAPlace(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 1, QueueLimit: 1, QueueTimeout: time.Minute})
	id := add(t, r, Ready)
	r.SetElsewhere(7, map[ID]Elsewhere{id: {InFlight: 1}})
	if l, err := r.Try(Preference{}); err != nil || l.Valid() {
		t.Fatalf("got %v, %v", l.ID(), err)
	}
	granted := make(chan ID, 1)
	if l, err := r.Enqueue(&Waiter{Grant: func(l Lease, _ error) { granted <- l.ID() }}); err != nil || l.Valid() {
		t.Fatalf("got %v, %v", l.ID(), err)
	}
	r.SetElsewhere(7, map[ID]Elsewhere{id: {InFlight: 1, Streams: 1}})
	if got := <-granted; got != id {
		t.Errorf("got %q", got)
	}
}

// TestElsewhereAfterDrain: another process may send requests to an instance that has
// finished its drain here.
func TestElsewhereAfterDrain(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	id := add(t, r, Ready)
	drained, err := r.Drain(id, "test")
	if err != nil {
		t.Fatal(err)
	}
	<-drained
	r.SetElsewhere(1, map[ID]Elsewhere{id: {InFlight: 1}})
	r.SetElsewhere(1, nil)
	if in := snapshotOf(t, r, id); in.InFlight != 0 {
		t.Errorf("%d in flight", in.InFlight)
	}
}
