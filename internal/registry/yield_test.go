package registry

import (
	"errors"
	"slices"
	"testing"
	"time"
)

// TestYield: requests that yield get an instance behind all others, in the order in which
// they yield, and are the first to leave a full queue.
func TestYield(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 1, QueueLimit: 4, QueueTimeout: time.Minute})
	add(t, r, Ready)
	lease := acquire(t, r)
	var order []string
	var last Lease
	waiters := map[string]*Waiter{}
	enqueue := func(name string) {
		t.Helper()
		waiters[name] = &Waiter{Grant: func(l Lease, err error) {
			if last = l; err != nil {
				name += "!"
				if !errors.Is(err, ErrQueueFull) {
					t.Errorf("%s: %v", name, err)
				}
			}
			order = append(order, name)
		}}
		if l, err := r.Enqueue(waiters[name]); l.Valid() || err != nil {
			t.Fatalf("%s: lease %v, error %v", name, l.Valid(), err)
		}
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		enqueue(name)
	}
	r.Yield(waiters["b"])
	r.Yield(waiters["a"])
	r.Yield(waiters["b"]) // does nothing
	enqueue("e")          // b leaves
	r.Yield(waiters["b"]) // is not in the queue
	for lease.Release(); last.Valid(); {
		l := last
		last = Lease{}
		l.Release()
	}
	if want := []string{"b!", "c", "d", "e", "a"}; !slices.Equal(order, want) {
		t.Errorf("got %v, want %v", order, want)
	}
	if n := r.Snapshot().Waiting; n != 0 {
		t.Errorf("%d requests wait", n)
	}
}
