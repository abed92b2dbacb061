package local

import (
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/probe"
)

// TestNotReadyIsNotKilled: instances that answer health checks with 503 for minutes
// get no requests, although real requests succeeded, and none is stopped. The
// trouble has the reason.
func TestNotReadyIsNotKilled(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.all()[0].failHealth(errNotReady)
		for range 20 {
			r.after(r.settings().CheckInterval / 5)
			lease := r.acquire()
			lease.Responded(time.Millisecond, 200)
			lease.Release()
		}
		r.want("1 ready 1 unhealthy")
		r.all()[1].failHealth(errNotReady)
		r.after(10 * time.Minute)
		r.want("2 unhealthy")
		if got := len(r.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
		if got := r.registry.Trouble(); !strings.Contains(got, errNotReady.Error()) {
			t.Errorf("trouble %q, want the reason", got)
		}
		r.all()[0].failHealth(errTimedOut) // once: it is not the fourth without an answer
		r.checks(1)
		r.want("2 unhealthy")
		r.all()[0].failHealth(nil)
		r.checks(1)
		r.want("1 ready 1 unhealthy")
		if got := r.registry.Trouble(); got != "" {
			t.Errorf("trouble %q, want none", got)
		}
	})
}

// TestNotReadyAfterConnRefused: an instance that refused a connection and then says that
// it is not ready is not stopped.
func TestNotReadyAfterConnRefused(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.all()[0].failHealth(errNotReady)
		lease := r.acquire()
		lease.ConnRefused()
		lease.Release()
		r.after(10 * r.settings().StartTimeout)
		r.want("1 unhealthy")
		if got := len(r.all()); got != 1 {
			t.Errorf("%d starts, want 1", got)
		}
		r.all()[0].failHealth(nil)
		r.after(time.Second)
		r.want("1 ready")
	})
}

// TestAllTimeOut: when no instance answers health checks, the last ready one still
// gets requests.
func TestAllTimeOut(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		for _, p := range r.all() {
			p.failHealth(errTimedOut)
		}
		r.checks(replaceAfter - 1)
		r.want("1 ready 1 unhealthy")
	})
}

// TestLivenessPath: four failed checks of livenessPath replace the instance, whether
// it answered or not. While they succeed, an instance that does not answer health
// checks is not replaced.
func TestLivenessPath(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{&probe.StatusError{Path: "/live", Status: 500}, errTimedOut} {
		withFleet(t, func(s *Settings, _ *machine) { s.Program.LivenessPath = "/live" }, func(t *testing.T, r *rig) {
			r.Scale(2, "test")
			r.after(50 * time.Millisecond)
			p := r.all()[0]
			p.set(func(p *fakeProcess) { p.pathErr = map[string]error{"/health": errTimedOut} })
			r.after(5 * time.Minute)
			r.want("1 ready 1 unhealthy")
			p.set(func(p *fakeProcess) { p.pathErr = map[string]error{"/live": failure} })
			r.checks(replaceAfter - 1)
			if !p.alive() {
				t.Fatal("stopped too soon")
			}
			r.checks(1)
			r.after(50 * time.Millisecond)
			if p.alive() {
				t.Error("the process still runs")
			}
			r.want("2 ready")
			if got := r.board.Snapshot().LastExit.Reason; !strings.HasPrefix(got, "failed 4 liveness checks: ") {
				t.Errorf("last exit %q", got)
			}
		})
	}
}
