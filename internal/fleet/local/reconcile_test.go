package local

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

func TestStartFailure(t *testing.T) {
	t.Parallel()
	missing := fmt.Errorf("bun: not found on PATH")
	withFleet(t, func(_ *Settings, m *machine) { m.launchErr = missing }, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(time.Second)
		r.want("")
		if got := r.registry.Trouble(); got != missing.Error() {
			t.Errorf("trouble %q", got)
		}
		r.refuseStarts(nil)
		r.after(time.Minute)
		r.want("2 ready")
	})
}

// TestHopeless: when starts fail again and again, requests do not wait for an instance.
// A single failed start, and deaths of instances that were ready, do not lead to that.
func TestHopeless(t *testing.T) {
	t.Parallel()
	hopeless := func(r *rig) bool {
		lease, err := r.registry.Enqueue(&registry.Waiter{Grant: func(registry.Lease, error) {}})
		lease.Release()
		return errors.Is(err, registry.ErrNoStart)
	}
	withFleet(t, func(_ *Settings, m *machine) { m.launchErr = errors.New("bun: not found") }, func(t *testing.T, r *rig) {
		waited := make(chan error, 1)
		go func() { // ends with ErrNoStart
			_, err := r.registry.Acquire(t.Context(), registry.Preference{})
			waited <- err
		}()
		r.after(time.Millisecond)
		if hopeless(r) {
			t.Error("hopeless before the first start")
		}
		r.Scale(1, "test")
		r.after(time.Millisecond)
		if err := <-waited; !errors.Is(err, registry.ErrNoStart) || !hopeless(r) {
			t.Errorf("a request waited: %v", err)
		}
		r.set(func(m *machine) { m.launchErr, m.boot = nil, time.Second })
		r.after(time.Second)
		r.want("1 starting")
		if !hopeless(r) {
			t.Error("not hopeless while another start is tried")
		}
		r.after(time.Second)
		r.want("1 ready")
		for range 3 {
			r.running()[0].die("signal: killed")
			r.after(20 * time.Millisecond)
			if hopeless(r) {
				t.Error("hopeless after the death of an instance that was ready")
			}
			r.after(5 * time.Second)
		}
		r.refuseStarts(errors.New("bun: not found"))
		r.running()[0].die("signal: killed")
		r.after(time.Second)
		r.Scale(0, "test")
		r.after(time.Second)
		if hopeless(r) {
			t.Error("hopeless at target 0")
		}
	})
}

// TestRestartsAreStaggered: when all instances have died, at most one per core
// starts at a time, also where Go runs one goroutine more than there are cores. It is not
// parallel: that number is of the process.
func TestRestartsAreStaggered(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(cores + 1))
	withFleet(t, func(_ *Settings, m *machine) { m.boot = time.Second }, func(t *testing.T, r *rig) {
		n := 3 * cores
		r.Scale(n, "test")
		r.after(2 * time.Second)
		r.want(fmt.Sprintf("%d ready", n))
		for _, p := range r.running() {
			p.die("signal: killed")
		}
		for range 1000 {
			r.after(10 * time.Millisecond)
			s := r.registry.Snapshot()
			if got := s.Count(registry.Starting); got > cores {
				t.Fatalf("%d instances start at a time on %d cores", got, cores)
			}
		}
		r.after(time.Minute)
		r.want(fmt.Sprintf("%d ready", n))
	})
}

// TestTroubleEndsWithItsCause: a failed start that is not needed any more is
// neither reported nor counted as a restart later.
func TestTroubleEndsWithItsCause(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.refuseStarts(errors.New("no such app"))
		r.Scale(2, "test")
		r.after(time.Second)
		if got := r.registry.Trouble(); got != "no such app" {
			t.Errorf("trouble %q", got)
		}
		r.Scale(1, "test")
		r.refuseStarts(nil)
		r.after(time.Minute)
		if got := r.registry.Trouble(); got != "" {
			t.Errorf("trouble %q", got)
		}
		before := r.board.Snapshot().Restarts
		r.Scale(2, "test")
		r.after(time.Second)
		r.want("2 ready")
		if got := r.board.Snapshot().Restarts; got != before {
			t.Errorf("%d more restarts, want none", got-before)
		}
	})
}
