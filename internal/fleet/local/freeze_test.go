package local

import (
	"testing"
	"time"
)

// TestFrozen: during a shutdown, an instance that ends by SIGTERM is no failure and is
// not replaced. The same end before the shutdown is, and a crash always is.
func TestFrozen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		frozen bool
		reason string
		want   string
		failed int
	}{
		{"not frozen", false, "signal: terminated", "2 ready", 1},
		{"told to end", true, "signal: terminated", "1 ready", 0},
		{"killed", true, "signal: killed", "2 ready", 1},
		{"failed", true, "exit status 1", "2 ready", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(2, "test")
				r.after(time.Second)
				if c.frozen {
					r.Freeze()
				}
				r.all()[0].die(c.reason)
				r.after(time.Minute)
				r.want(c.want)
				if got := r.log.count("instance failed"); got != c.failed {
					t.Errorf("the log has %d failures, want %d", got, c.failed)
				}
			})
		})
	}
}

// TestFrozenInstanceThatAcceptsNoMore: an instance that has been told to end refuses
// health checks. It keeps its requests, and nothing is started in its place.
func TestFrozenInstanceThatAcceptsNoMore(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(time.Second)
		lease := r.acquire()
		r.Freeze()
		for _, p := range r.all() {
			p.failHealth(errUnhealthy)
		}
		r.checks(4)
		running := 0
		for _, p := range r.all() {
			if p.alive() {
				running++
			}
		}
		if running != 1 {
			t.Errorf("%d instances run, want the one with a request", running)
		}
		lease.Release()
		r.after(time.Minute)
		if got := len(r.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
	})
}
