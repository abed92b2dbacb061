package registry

import (
	"sync"
	"testing"
	"time"
)

func TestReleaseIsIdempotent(t *testing.T) {
	r := New(Options{})
	id := add(t, r, Ready)
	one := acquire(t, r)
	copied := one
	other := acquire(t, r)
	one.Release()
	one.Release()
	copied.Release()
	if got := snapshotOf(t, r, id).InFlight; got != 1 {
		t.Fatalf("in flight %d after one of two ended, want 1", got)
	}
	reused := acquire(t, r) // takes the place that one had
	one.Release()
	copied.Release()
	if got := snapshotOf(t, r, id).InFlight; got != 2 {
		t.Fatalf("a lease that had ended ended another: in flight %d, want 2", got)
	}
	reused.Release()
	other.Release()
	if got := snapshotOf(t, r, id); got.InFlight != 0 || got.Total != 3 {
		t.Errorf("in the end %d in flight, %d in all", got.InFlight, got.Total)
	}
}

// TestDead: who has sent something to an instance can learn that it is gone.
func TestDead(t *testing.T) {
	dead := func(l Lease) bool {
		select {
		case <-l.Dead():
			return true
		default:
			return false
		}
	}
	r := New(Options{})
	id := add(t, r, Ready)
	lease := acquire(t, r)
	if dead(lease) {
		t.Error("dead while ready")
	}
	lease.Refused()
	if !dead(lease) {
		t.Error("not dead though it refused")
	}
	lease.Refused() // again: another request found the same
	if err := r.Transition(id, Ready, "test"); err != nil {
		t.Fatal(err)
	}
	if dead(lease) {
		t.Error("dead though it is ready again")
	}
	if _, err := r.Drain(id, "test"); err != nil || dead(lease) {
		t.Errorf("dead while it drains (%v)", err)
	}
	gone := lease.Dead()
	if err := r.Transition(id, Stopped, "test"); err != nil {
		t.Fatal(err)
	}
	<-gone
}

func TestZeroLease(t *testing.T) {
	var l Lease
	l.Release()
	l.Refused()
	l.Responded(time.Second, 200)
	if l.Valid() || l.Endpoint() != (Endpoint{}) || l.ID() != "" {
		t.Error("the zero Lease is a claim")
	}
}

// TestCountsNeverDrift has many goroutines acquire and release twice, while
// instances come and go.
func TestCountsNeverDrift(t *testing.T) {
	r := New(Options{MaxConcurrency: 3, QueueLimit: 1000, QueueTimeout: time.Minute})
	add(t, r, Ready)
	var traffic, churn sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		traffic.Go(func() {
			for range 500 {
				lease, err := r.Acquire(t.Context(), Preference{})
				if err != nil {
					t.Error(err)
					return
				}
				lease.Responded(time.Millisecond, 200)
				go lease.Release()
				lease.Release()
			}
		})
	}
	churn.Go(func() {
		for {
			id := add(t, r, Ready)
			drained, err := r.Drain(id, "test")
			if err != nil {
				t.Error(err)
				return
			}
			<-drained
			move(t, r, id, Stopped)
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	traffic.Wait()
	close(stop)
	churn.Wait()
	s := r.Snapshot()
	if len(s.Instances) != 1 || s.Instances[0].InFlight != 0 || s.Waiting != 0 {
		t.Errorf("after all ended: %+v", s)
	}
}
