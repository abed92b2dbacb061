package registry

import (
	"sync"
	"testing"
	"time"
)

func TestReleaseIsIdempotent(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	id := add(t, r, Ready)
	one := acquire(t, r)
	copied := one
	other := acquire(t, r)
	one.Release()
	one.Release()
	copied.Release()
	if got := snapshotOf(t, r, id).InFlight; got != 1 {
		t.Fatalf("in flight %d after one of two was released, want 1", got)
	}
	reused := acquire(t, r) // has the slot of the released one
	one.Release()
	copied.Release()
	if got := snapshotOf(t, r, id).InFlight; got != 2 {
		t.Fatalf("a released lease released another one: in flight %d, want 2", got)
	}
	reused.Release()
	other.Release()
	if got := snapshotOf(t, r, id); got.InFlight != 0 || got.Total != 3 {
		t.Errorf("at the end %d in flight, %d in total", got.InFlight, got.Total)
	}
}

// TestDead: the holder of a lease learns that its instance is gone.
func TestDead(t *testing.T) {
	t.Parallel()
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
	lease.ConnRefused()
	if !dead(lease) {
		t.Error("not dead after a refusal")
	}
	lease.ConnRefused() // by another request
	if err := r.Transition(id, Ready, "test"); err != nil {
		t.Fatal(err)
	}
	if dead(lease) {
		t.Error("dead when ready again")
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

func TestConnRefusedMakesUnhealthyAndSuspect(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	bad, good := add(t, r, Ready), add(t, r, Ready)
	lease := acquire(t, r)
	lease.ConnRefused()
	lease.ConnRefused()
	lease.Release()
	if got := snapshotOf(t, r, bad).State; got != Unhealthy {
		t.Errorf("state of the instance that refused: %v", got)
	}
	if got := <-r.Suspects(); got != bad {
		t.Errorf("suspect %s, want %s", got, bad)
	}
	select {
	case id := <-r.Suspects():
		t.Errorf("suspected twice: %s", id)
	default:
	}
	for range 3 {
		if got := acquire(t, r).ID(); got != good {
			t.Errorf("got %s, want the other one", got)
		}
	}
}

func TestZeroLease(t *testing.T) {
	t.Parallel()
	var l Lease
	l.Release()
	l.ConnRefused()
	l.Responded(time.Second, 200)
	if l.Valid() || l.Endpoint() != (Endpoint{}) || l.ID() != "" {
		t.Error("the zero Lease is a claim")
	}
}

// TestCountsNeverDrift: many goroutines acquire and release twice while instances are
// added and removed, and the counts are right at the end.
func TestCountsNeverDrift(t *testing.T) {
	t.Parallel()
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
		t.Errorf("at the end: %+v", s)
	}
}
