package local

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestHysteresis: two failed checks in a row make an instance unhealthy, one
// successful check makes it ready again.
func TestHysteresis(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		interval := r.settings().CheckInterval
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		p := r.all()[0]
		p.failHealth(errUnhealthy)
		r.after(interval)
		r.want("2 ready")
		p.failHealth(nil)
		r.after(interval)
		p.failHealth(errUnhealthy)
		r.after(interval)
		r.want("2 ready") // not two in a row
		r.after(interval)
		r.want("1 ready 1 unhealthy")
		p.failHealth(nil)
		r.after(interval)
		r.want("2 ready")
	})
}

func TestUnhealthyInstanceIsReplaced(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		p := r.all()[0]
		p.failHealth(errUnhealthy)
		r.after(replaceAfter * r.settings().CheckInterval)
		r.after(50 * time.Millisecond)
		r.want("2 ready")
		if p.alive() {
			t.Error("the unhealthy instance still runs")
		}
		f := r.board.Snapshot()
		if want := "failed 4 health checks: " + errUnhealthy.Error(); f.LastExit.Reason != want || f.Restarts != 1 {
			t.Errorf("board %+v, want last exit %q and one restart", f, want)
		}
	})
}

// TestLastReadyInstanceStays: health checks alone do not take the last ready
// instance out of rotation.
func TestLastReadyInstanceStays(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		for _, p := range r.all() {
			p.failHealth(errUnhealthy)
		}
		r.after((replaceAfter - 1) * r.settings().CheckInterval)
		r.want("1 ready 1 unhealthy")
	})
}

// TestRealSuccessCounts: an instance that serves requests stays ready, whatever it
// answers to health checks.
func TestRealSuccessCounts(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.all()[0].failHealth(errUnhealthy)
		for range 50 {
			r.after(r.settings().CheckInterval / 5)
			lease := r.acquire()
			lease.Responded(time.Millisecond, 200)
			lease.Release()
		}
		r.want("2 ready")
		if !r.all()[0].alive() {
			t.Error("the instance was replaced")
		}
	})
}

// TestConnRefusedIsCheckedNow: an instance that refused a connection is ready
// again as soon as it answers, and not only after the next check.
func TestConnRefusedIsCheckedNow(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		lease := r.acquire()
		lease.ConnRefused()
		lease.Release()
		r.want("1 unhealthy")
		r.after(minProbeInterval)
		r.want("1 ready")
	})
}

func TestConnRefusedByDeadInstance(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		lease := r.acquire()
		r.all()[0].die("signal: killed")
		lease.ConnRefused()
		lease.Release()
		r.after(50 * time.Millisecond)
		r.want("1 ready")
		if got := len(r.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
	})
}

// TestSuspectDrains: an instance that keeps refusing connections is replaced, and
// its requests in flight get drainTimeout.
func TestSuspectDrains(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		p := r.all()[0]
		lease := r.acquire()
		p.failHealth(errors.New("nothing listens"))
		lease.ConnRefused()
		r.after(r.settings().StartTimeout + time.Second)
		r.want("1 ready 1 draining")
		if !p.alive() {
			t.Error("stopped with a request in flight")
		}
		lease.Release()
		r.after(time.Second)
		r.want("1 ready")
	})
}

// errNoDescriptor is what a probe returns when dynlb has no free descriptor.
var errNoDescriptor = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}

// TestHealthCheckNotMade: a health check for which dynlb has no descriptor does not
// count against the instance.
func TestHealthCheckNotMade(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		for _, p := range r.all() {
			p.failHealth(errNoDescriptor)
		}
		r.after(2 * replaceAfter * r.settings().CheckInterval)
		r.want("2 ready")
		if got := len(r.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
	})
}
