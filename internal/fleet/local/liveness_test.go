package local

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// errTimedOut is what a probe returns when the instance does not answer.
var errTimedOut = fmt.Errorf("get: %w", context.DeadlineExceeded)

// TestBusyInstanceIsNotReplaced: an instance that answers no health check while it
// works on a request is not replaced within requestTimeout, and its request is not
// lost. The same holds when all instances are busy.
func TestBusyInstanceIsNotReplaced(t *testing.T) {
	t.Parallel()
	for busy := 1; busy <= 2; busy++ {
		t.Run(fmt.Sprint(busy, " of 2"), func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(2, "test")
				r.after(50 * time.Millisecond)
				r.after(r.settings().CheckInterval - 100*time.Millisecond) // the first check comes right after the requests
				var leases []registry.Lease
				for i := range busy {
					leases = append(leases, r.acquire())
					r.all()[i].failHealth(errTimedOut)
				}
				took := r.settings().RequestTimeout - time.Millisecond
				for end := time.Now().Add(took); time.Now().Before(end); {
					r.after(min(100*time.Millisecond, time.Until(end)))
					if r.ready() == 0 {
						t.Fatal("no instance is ready")
					}
				}
				for i, lease := range leases {
					lease.Responded(took, 200)
					lease.Release()
					r.all()[i].failHealth(nil)
				}
				r.checks(1)
				r.want("2 ready")
				if got := len(r.all()); got != 2 {
					t.Errorf("%d starts, want 2", got)
				}
				if got := r.log.count("is not replaced yet"); got != busy {
					t.Errorf("the log says %d times that an instance is not replaced, want %d", got, busy)
				}
			})
		})
	}
}

// TestIdleUnresponsiveInstanceIsReplaced: an instance that answers no health check
// and has no request is replaced.
func TestIdleUnresponsiveInstanceIsReplaced(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		unresponsive := r.all()[1]
		unresponsive.failHealth(errTimedOut)
		r.checks(replaceAfter - 1)
		if !unresponsive.alive() {
			t.Fatal("stopped too soon")
		}
		r.checks(1)
		r.after(50 * time.Millisecond)
		if unresponsive.alive() {
			t.Error("the process still runs")
		}
		r.want("2 ready")
	})
}

// TestUnresponsiveInstanceIsReplaced: an instance without progress for
// requestTimeout is drained and replaced. The request that it had when its silence
// began is implicated, the one that came later is not.
func TestUnresponsiveInstanceIsReplaced(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		work func(registry.Lease) // every five seconds, for a minute
	}{
		{"at once", nil},
		{"after it responded", func(l registry.Lease) { l.Responded(time.Second, 503) }},
		{"after it took an upload", registry.Lease.Progressed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(1, "test")
				r.after(50 * time.Millisecond)
				before := r.acquire()
				unresponsive := r.all()[0]
				unresponsive.failHealth(errTimedOut)
				if c.work != nil {
					for range 12 {
						r.after(5 * time.Second)
						c.work(before)
					}
				}
				r.checks(1)
				after := r.acquire() // of the same instance: it is the only one
				r.after(r.settings().RequestTimeout - 2*r.settings().CheckInterval)
				r.want("1 ready")
				r.checks(2)
				r.after(50 * time.Millisecond)
				r.want("1 ready 1 draining")
				if !before.Implicated() || after.Implicated() {
					t.Errorf("implicated: %v, %v; want only the first", before.Implicated(), after.Implicated())
				}
				r.after(r.settings().DrainTimeout - r.settings().CheckInterval)
				r.want("1 ready 1 draining")
				r.checks(1)
				r.want("1 ready")
				if unresponsive.alive() {
					t.Error("the process still runs")
				}
			})
		})
	}
}

// TestAbandonedRequestKeepsAnInstance: an instance may be busy with a request whose
// client has left.
func TestAbandonedRequestKeepsAnInstance(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		unresponsive := r.all()[0]
		unresponsive.failHealth(errTimedOut)
		r.acquire().Release()
		r.after(r.settings().RequestTimeout - time.Millisecond)
		if !unresponsive.alive() {
			t.Fatal("stopped too soon")
		}
		r.checks(2)
		if unresponsive.alive() {
			t.Error("the process still runs")
		}
	})
}

// TestSuspendedInstanceIsStoppedSoon: a suspended instance gets no time to drain,
// and its requests are not the reason. An instance that answers with a failure
// drains.
func TestSuspendedInstanceIsStoppedSoon(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		fail  func(*fakeProcess)
		after time.Duration // from the last failed check to the end of the process
	}{
		{"suspended", func(p *fakeProcess) { p.healthErr, p.usage.Suspended = errTimedOut, true }, 2 * time.Second},
		{"answers", func(p *fakeProcess) { p.healthErr = errUnhealthy }, 30*time.Second + 5*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(2, "test")
				r.after(50 * time.Millisecond)
				failing := r.all()[0]
				lease := r.acquire() // of the first
				defer lease.Release()
				failing.set(func(p *fakeProcess) { p.ignoresTERM = true; c.fail(p) })
				r.after(replaceAfter * r.settings().CheckInterval)
				r.after(c.after - 100*time.Millisecond)
				if !failing.alive() {
					t.Fatal("stopped too soon")
				}
				if lease.Implicated() {
					t.Error("its request is implicated")
				}
				r.after(200 * time.Millisecond)
				if failing.alive() {
					t.Error("the process still runs")
				}
				r.want("2 ready")
			})
		})
	}
}
