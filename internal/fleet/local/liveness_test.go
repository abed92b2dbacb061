package local

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// errTimedOut is what a probe gets from an instance that does not answer.
var errTimedOut = fmt.Errorf("get: %w", context.DeadlineExceeded)

// silent makes the process answer no probes.
func (p *fakeProcess) silent() { p.fall(errTimedOut) }

// acquire returns the lease of a request.
func (b *bench) acquire() registry.Lease {
	b.t.Helper()
	lease, err := b.registry.Acquire(b.t.Context(), registry.Preference{})
	if err != nil {
		b.t.Fatal(err)
	}
	return lease
}

// checks lets n health checks be made, and a little time pass.
func (b *bench) checks(n int) { b.after(time.Duration(n)*b.now().CheckInterval + time.Millisecond) }

// TestBusyInstanceIsNotReplaced: an instance that answers no health check while it
// works on a request, for as long as a request may take, stays, and so does its
// request; also when all instances are busy.
func TestBusyInstanceIsNotReplaced(t *testing.T) {
	for busy := 1; busy <= 2; busy++ {
		t.Run(fmt.Sprint(busy, " of 2"), func(t *testing.T) {
			supervise(t, nil, func(t *testing.T, b *bench) {
				b.Scale(2, "test")
				b.after(50 * time.Millisecond)
				b.after(b.now().CheckInterval - 100*time.Millisecond) // the first check comes right after the requests
				var leases []registry.Lease
				for i := range busy {
					leases = append(leases, b.acquire())
					b.all()[i].silent()
				}
				took := b.now().RequestTimeout - time.Millisecond
				for end := time.Now().Add(took); time.Now().Before(end); {
					b.after(min(100*time.Millisecond, time.Until(end)))
					if b.ready() == 0 {
						t.Fatal("none is ready")
					}
				}
				for i, lease := range leases {
					lease.Responded(took, 200)
					lease.Release()
					b.all()[i].fall(nil)
				}
				b.checks(1)
				b.want("2 ready")
				if got := len(b.all()); got != 2 {
					t.Errorf("%d starts, want 2", got)
				}
				if got := b.log.count("is not replaced yet"); got != busy {
					t.Errorf("the log says %d times that one is not replaced, want %d", got, busy)
				}
			})
		})
	}
}

// TestIdleInstanceThatIsSilentIsReplaced: an instance that answers no health check
// and has no request is dead.
func TestIdleInstanceThatIsSilentIsReplaced(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		silent := b.all()[1]
		silent.silent()
		b.checks(replaceAfter - 1)
		if !silent.alive() {
			t.Fatal("ended too soon")
		}
		b.checks(1)
		b.after(50 * time.Millisecond)
		if silent.alive() {
			t.Error("still there")
		}
		b.want("2 ready")
	})
}

// TestSilentInstanceIsReplaced: an instance that has given no sign of life for as
// long as a request may take is replaced, and drained. The request that it had when
// it fell silent is implicated, the one that came after is not.
func TestSilentInstanceIsReplaced(t *testing.T) {
	for _, c := range []struct {
		name string
		work func(registry.Lease) // every five seconds, for a minute
	}{
		{"at once", nil},
		{"after it responded", func(l registry.Lease) { l.Responded(time.Second, 503) }},
		{"after it took an upload", registry.Lease.Progressed},
	} {
		t.Run(c.name, func(t *testing.T) {
			supervise(t, nil, func(t *testing.T, b *bench) {
				b.Scale(1, "test")
				b.after(50 * time.Millisecond)
				before := b.acquire()
				silent := b.all()[0]
				silent.silent()
				if c.work != nil {
					for range 12 {
						b.after(5 * time.Second)
						c.work(before)
					}
				}
				b.checks(1)
				after := b.acquire() // it is the last that is ready
				b.after(b.now().RequestTimeout - 2*b.now().CheckInterval)
				b.want("1 ready")
				b.checks(2)
				b.after(50 * time.Millisecond)
				b.want("1 ready 1 draining")
				if !before.Implicated() || after.Implicated() {
					t.Errorf("implicated: %v, %v; want the first alone", before.Implicated(), after.Implicated())
				}
				b.after(b.now().DrainTimeout - b.now().CheckInterval)
				b.want("1 ready 1 draining")
				b.checks(1)
				b.want("1 ready")
				if silent.alive() {
					t.Error("still there")
				}
			})
		})
	}
}

// TestAbandonedRequestKeepsAnInstance: an instance may be busy with a request whose
// client has left.
func TestAbandonedRequestKeepsAnInstance(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		silent := b.all()[0]
		silent.silent()
		b.acquire().Release()
		b.after(b.now().RequestTimeout - time.Millisecond)
		if !silent.alive() {
			t.Fatal("ended too soon")
		}
		b.checks(2)
		if silent.alive() {
			t.Error("still there")
		}
	})
}

// TestSuspendedInstanceIsEndedSoon: an instance that is suspended gets no time to
// finish what it will not finish, and its requests are not the reason; unlike one
// that says that it is ill, which drains.
func TestSuspendedInstanceIsEndedSoon(t *testing.T) {
	for _, c := range []struct {
		name  string
		fail  func(*fakeProcess)
		after time.Duration // it was condemned, it is gone
	}{
		{"suspended", func(p *fakeProcess) { p.sick, p.usage.Suspended = errTimedOut, true }, 2 * time.Second},
		{"ill", func(p *fakeProcess) { p.sick = errSick }, 30*time.Second + 5*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			supervise(t, nil, func(t *testing.T, b *bench) {
				b.Scale(2, "test")
				b.after(50 * time.Millisecond)
				victim := b.all()[0]
				lease := b.acquire() // of the first
				defer lease.Release()
				victim.set(func(p *fakeProcess) { p.deaf = true; c.fail(p) })
				b.after(replaceAfter * b.now().CheckInterval)
				b.after(c.after - 100*time.Millisecond)
				if !victim.alive() {
					t.Fatal("ended too soon")
				}
				if lease.Implicated() {
					t.Error("its request is held to be the reason")
				}
				b.after(200 * time.Millisecond)
				if victim.alive() {
					t.Error("still there")
				}
				b.want("2 ready")
			})
		})
	}
}
