package local

import (
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

func TestNotReadyInTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		listening procfs.Listening
		want      string
	}{
		{"silent", procfs.Listening{Port: 5001, Owned: true}, "not ready within 10s: dial 127.0.0.1:5001: connection refused; have the app listen on 127.0.0.1 at {port}, which is in PORT too"},
		{"elsewhere", procfs.Listening{Port: 5001, Ports: []int{3000}}, "not ready within 10s: it listens on 3000, not on 5001; have the app listen on 127.0.0.1 at {port}, which is in PORT too"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, func(_ *Settings, m *machine) { m.boot = time.Hour }, func(t *testing.T, r *rig) {
				r.Scale(1, "test")
				synctest.Wait()
				p := r.all()[0]
				p.set(func(p *fakeProcess) { p.listening = c.listening })
				r.after(r.settings().StartTimeout - time.Millisecond)
				if !p.alive() {
					t.Fatal("stopped before startTimeout")
				}
				r.after(2 * time.Millisecond)
				if p.alive() {
					t.Error("the process still runs")
				}
				if got := r.registry.Trouble(); !strings.HasPrefix(got, c.want) {
					t.Errorf("trouble %q, want %q", got, c.want)
				}
			})
		})
	}
}

// TestImpostor: an answer from another program on the port does not make an
// instance ready.
func TestImpostor(t *testing.T) {
	t.Parallel()
	withFleet(t, func(_ *Settings, m *machine) { m.boot = time.Second }, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		synctest.Wait()
		r.all()[0].set(func(p *fakeProcess) { p.listening = procfs.Listening{Port: 5001, Taken: true} })
		r.set(func(m *machine) { m.takenPorts[5001] = true })
		r.after(1500 * time.Millisecond)
		if got := r.board.Snapshot().LastExit.Reason; !strings.Contains(got, "port 5001 belongs to another program") {
			t.Errorf("last exit %q", got)
		}
		r.after(2 * time.Second)
		r.want("1 ready")
		if got := r.running()[0].port; got != 5002 {
			t.Errorf("port %d, want the next one", got)
		}
	})
}

func TestPortCannotBeVerified(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Settings, *fakeProcess){
		"switched off": func(c *Settings, p *fakeProcess) { c.Program.VerifyPort, p.listening.Owned = false, false },
		"unsupported":  func(_ *Settings, p *fakeProcess) { p.listenErr = procfs.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			withFleet(t, func(c *Settings, _ *machine) { change(c, &fakeProcess{}) }, func(t *testing.T, r *rig) {
				r.Scale(1, "test")
				synctest.Wait()
				r.all()[0].set(func(p *fakeProcess) { change(&Settings{}, p) })
				r.after(50 * time.Millisecond)
				r.want("1 ready")
			})
		})
	}
}

func TestExitWhileVerified(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		synctest.Wait()
		p := r.all()[0]
		p.set(func(p *fakeProcess) { p.listenErr = os.ErrProcessDone })
		r.after(50 * time.Millisecond)
		if got := r.registry.Len(); p.alive() || got != 1 {
			t.Errorf("running: %v, instances: %d", p.alive(), got)
		}
	})
}

// TestStartNotProbed: while dynlb has no descriptor for a probe, an instance that
// must show that it is ready neither becomes ready nor fails, and probes are not
// more frequent. After that it has the time that was left.
func TestStartNotProbed(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		withoutDescriptors := func(p *fakeProcess) {
			t.Helper()
			p.set(func(p *fakeProcess) { p.healthErr, p.paths = errNoDescriptor, nil })
			r.after(10 * r.settings().StartTimeout)
			if !p.alive() {
				t.Fatal("the process was stopped")
			}
			p.set(func(p *fakeProcess) {
				if n, limit := len(p.paths), int(10*r.settings().StartTimeout/maxProbeInterval)+100; n > limit {
					t.Errorf("%d probes, want at most %d", n, limit)
				}
			})
		}
		r.Scale(1, "test")
		synctest.Wait()
		p := r.all()[0]
		withoutDescriptors(p)
		r.want("1 starting")
		p.failHealth(nil)
		r.after(maxProbeInterval)
		r.want("1 ready")

		lease := r.acquire()
		lease.ConnRefused()
		lease.Release()
		withoutDescriptors(p)
		r.want("1 unhealthy")
		p.failHealth(errUnhealthy)
		r.after(r.settings().StartTimeout * 9 / 10)
		if !p.alive() {
			t.Error("stopped before startTimeout")
		}
		withoutDescriptors(p)
		p.failHealth(errUnhealthy)
		r.after(r.settings().StartTimeout / 5)
		if p.alive() {
			t.Error("the process still runs")
		}
	})
}
