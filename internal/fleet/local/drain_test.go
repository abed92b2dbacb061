package local

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestScaleDownWaitsForRequests: an instance gets SIGTERM only when no request is
// in flight, and one without requests is stopped first.
func TestScaleDownWaitsForRequests(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		one := r.acquire()
		two := r.acquire()
		three := r.acquire()
		r.Scale(1, "test")
		r.after(10 * time.Second)
		r.want("1 ready 1 draining")
		if len(r.running()) != 2 {
			t.Fatal("an instance with a request in flight was stopped")
		}
		two.Release()
		synctest.Wait()
		r.want("1 ready")
		one.Release()
		three.Release()
	})
}

func TestDrainTimeout(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		lease := r.acquire()
		defer lease.Release()
		r.Scale(0, "test")
		r.after(r.settings().DrainTimeout - time.Millisecond)
		r.want("1 draining")
		r.after(time.Millisecond)
		r.want("")
	})
}

// TestDrainingInstanceIsTakenBack: when the target rises, an instance that has not
// stopped yet serves again and no new one is started.
func TestDrainingInstanceIsTakenBack(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		one := r.acquire()
		two := r.acquire()
		for range 3 { // and again
			r.Scale(1, "test")
			r.after(time.Second)
			r.want("1 ready 1 draining")
			r.Scale(2, "test")
			synctest.Wait()
			r.want("2 ready")
		}
		if got := len(r.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
		// It is managed as before.
		r.all()[1].die("signal: killed")
		r.after(50 * time.Millisecond)
		r.want("2 ready")
		one.Release()
		two.Release()

		// It drains again, and then stops.
		three := r.acquire()
		four := r.acquire()
		r.Scale(1, "test")
		r.Scale(2, "test")
		r.Scale(1, "test")
		r.after(time.Second)
		r.want("1 ready 1 draining")
		three.Release()
		four.Release()
		synctest.Wait()
		r.want("1 ready")
	})
}

// TestScaleUpWhileDrainingEnds: an instance is either taken back or stopped,
// whatever the order in which the drain ends and the target rises.
func TestScaleUpWhileDrainingEnds(t *testing.T) {
	t.Parallel()
	for range 50 {
		withFleet(t, nil, func(t *testing.T, r *rig) {
			r.Scale(2, "test")
			r.after(50 * time.Millisecond)
			one := r.acquire()
			two := r.acquire()
			r.Scale(1, "test")
			synctest.Wait()
			go one.Release()
			go two.Release()
			r.Scale(2, "test")
			r.after(time.Second)
			r.want("2 ready")
			if got := len(r.running()); got != 2 {
				t.Errorf("%d processes, want 2", got)
			}
		})
	}
}

// TestUnhealthyInstanceIsNotTakenBack: an instance that was unhealthy before its
// drain is not taken back.
func TestUnhealthyInstanceIsNotTakenBack(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		one := r.acquire()
		two := r.acquire()
		r.all()[1].failHealth(errUnhealthy)
		r.after(unhealthyAfter * r.settings().CheckInterval)
		r.want("1 ready 1 unhealthy")
		r.Scale(1, "test")
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.want("2 ready 1 draining")
		one.Release()
		two.Release()
	})
}
