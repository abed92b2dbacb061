package local

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestSuspendedStart: an instance that is suspended while it starts is replaced when
// startTimeout is over, and the status says so from the first second on. It does not get
// the time to stop that one has which handles SIGTERM.
func TestSuspendedStart(t *testing.T) {
	t.Parallel()
	const cause = "its process is suspended: stopped by a signal such as SIGSTOP, or by a debugger"
	for name, c := range map[string]struct {
		freeze func(p *fakeProcess)
		after  time.Duration // of its start
	}{
		"before it listens":     {func(p *fakeProcess) { p.boot = time.Hour }, 0},
		"when it listens":       {func(p *fakeProcess) { p.healthErr = errTimedOut }, 0},
		"after it was reported": {func(*fakeProcess) {}, 3 * time.Second},
		"when it was not ready": {func(p *fakeProcess) { p.healthErr = errTimedOut }, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, func(_ *Settings, m *machine) { m.boot = time.Hour }, func(t *testing.T, r *rig) {
				r.Scale(1, "test")
				synctest.Wait()
				p := r.all()[0]
				if c.after > 0 && name == "when it was not ready" {
					p.set(func(p *fakeProcess) { p.boot, p.healthErr = 0, errNotReady })
				}
				r.after(c.after)
				p.set(func(p *fakeProcess) { p.ignoresTERM, p.usage.Suspended = true, true; c.freeze(p) })
				r.after(time.Second)
				if got := r.registry.Snapshot().Instances[0].Reason; got != registry.NotReadyYet+cause && !strings.HasPrefix(got, registry.NotReadyYet+cause+"; its last answer") {
					t.Errorf("reason %q, want %q", got, registry.NotReadyYet+cause)
				}
				r.bootIn(10 * time.Millisecond)
				p.set(func(p *fakeProcess) { p.boot, p.healthErr = 0, errTimedOut })
				r.after(r.settings().StartTimeout + r.settings().HealthTimeout)
				if p.alive() {
					t.Error("the process still runs")
				}
				if got := r.board.Snapshot().LastExit.Reason; !strings.HasPrefix(got, "not ready within 10s: "+cause) || strings.Contains(got, "must listen") {
					t.Errorf("last exit %q, want %q", got, cause)
				}
				r.after(5 * time.Second) // the pause after a failure
				r.want("1 ready")
			})
		})
	}
}

// TestSuspendedWhenSuspect: an instance that refused a connection, and is suspended before
// it is ready again, gets no time to drain.
func TestSuspendedWhenSuspect(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		p := r.all()[0]
		lease, refused := r.acquire(), r.acquire()
		defer lease.Release()
		p.set(func(p *fakeProcess) { p.ignoresTERM, p.usage.Suspended, p.healthErr = true, true, errTimedOut })
		refused.ConnRefused()
		refused.Release()
		r.after(r.settings().StartTimeout + r.settings().HealthTimeout + time.Millisecond)
		if p.alive() {
			t.Error("the process still runs")
		}
	})
}
