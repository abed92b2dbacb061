package registry

import (
	"net/http"
	"testing"
	"time"
)

// TestCompleted checks that Completed counts as Responded and Release do, once.
func TestCompleted(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusBadGateway} {
		r, reference := New(Options{}), New(Options{})
		id, other := add(t, r, Ready), add(t, reference, Ready)
		for range 3 {
			lease := acquire(t, r)
			lease.Completed(time.Second, status)
			if n := snapshotOf(t, r, id).InFlight; n != 0 {
				t.Errorf("status %d: %d requests are in flight", status, n)
			}
			lease.Release() // does nothing
			lease = acquire(t, reference)
			lease.Responded(time.Second, status)
			lease.Release()
		}
		got, want := snapshotOf(t, r, id), snapshotOf(t, reference, other)
		if got.InFlight != 0 || got.Total != want.Total || got.ResponseTime != want.ResponseTime {
			t.Errorf("status %d: %+v; want %+v", status, got, want)
		}
		if r.responses != reference.responses || r.served != reference.served {
			t.Errorf("status %d: %d responses in %v, want %d in %v", status, r.responses, r.served, reference.responses, reference.served)
		}
	}
}

// TestCompletedServesTheQueue checks that a request that waits gets the place of one that
// is completed.
func TestCompletedServesTheQueue(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 1, QueueLimit: 1, QueueTimeout: time.Minute})
	add(t, r, Ready)
	lease := acquire(t, r)
	granted := make(chan Lease, 1)
	if _, err := r.Enqueue(&Waiter{Grant: func(l Lease, _ error) { granted <- l }}); err != nil {
		t.Fatal(err)
	}
	lease.Completed(time.Millisecond, http.StatusOK)
	select {
	case next := <-granted:
		next.Release()
	default:
		t.Error("the request that waits got no instance")
	}
}
