package local

import (
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestNotReadyInTime(t *testing.T) {
	for _, c := range []struct {
		name      string
		listening procfs.Listening
		want      string
	}{
		{"silent", procfs.Listening{Port: 5001, Owned: true}, "not ready within 10s: dial 127.0.0.1:5001"},
		{"elsewhere", procfs.Listening{Port: 5001, Ports: []int{3000}}, "not ready within 10s: it listens on 3000, not on 5001"},
	} {
		t.Run(c.name, func(t *testing.T) {
			supervise(t, func(_ *Settings, m *machine) { m.boot = time.Hour }, func(t *testing.T, b *bench) {
				b.Scale(1, "test")
				synctest.Wait()
				p := b.all()[0]
				p.set(func(p *fakeProcess) { p.listening = c.listening })
				b.after(b.now().StartTimeout - time.Millisecond)
				if !p.alive() {
					t.Fatal("ended before its time was up")
				}
				b.after(2 * time.Millisecond)
				if p.alive() {
					t.Error("it still runs")
				}
				if got := b.registry.Trouble(); !strings.HasPrefix(got, c.want) {
					t.Errorf("trouble %q, want %q", got, c.want)
				}
			})
		})
	}
}

// TestImpostor: an answer on the port does not make an instance ready when it is
// somebody else's.
func TestImpostor(t *testing.T) {
	supervise(t, func(_ *Settings, m *machine) { m.boot = time.Second }, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		synctest.Wait()
		b.all()[0].set(func(p *fakeProcess) { p.listening = procfs.Listening{Port: 5001, Taken: true} })
		b.machine.mu.Lock()
		b.taken[5001] = true
		b.machine.mu.Unlock()
		b.after(1500 * time.Millisecond)
		if got := b.board.Snapshot().LastExit.Reason; !strings.Contains(got, "port 5001 belongs to another program") {
			t.Errorf("last exit %q", got)
		}
		b.after(2 * time.Second)
		b.want("1 ready")
		if got := b.running()[0].port; got != 5002 {
			t.Errorf("port %d, want the next one", got)
		}
	})
}

func TestPortCannotBeVerified(t *testing.T) {
	for name, change := range map[string]func(*Settings, *fakeProcess){
		"switched off": func(c *Settings, p *fakeProcess) { c.VerifyPort, p.listening.Owned = false, false },
		"unsupported":  func(_ *Settings, p *fakeProcess) { p.listenErr = procfs.ErrUnsupported },
	} {
		t.Run(name, func(t *testing.T) {
			supervise(t, func(c *Settings, _ *machine) { change(c, &fakeProcess{}) }, func(t *testing.T, b *bench) {
				b.Scale(1, "test")
				synctest.Wait()
				b.all()[0].set(func(p *fakeProcess) { change(&Settings{}, p) })
				b.after(50 * time.Millisecond)
				b.want("1 ready")
			})
		})
	}
}

func TestExitWhileVerified(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		synctest.Wait()
		p := b.all()[0]
		p.set(func(p *fakeProcess) { p.listenErr = os.ErrProcessDone })
		b.after(50 * time.Millisecond)
		if got := b.registry.Len(); p.alive() || got != 1 {
			t.Errorf("it lives: %v, instances: %d", p.alive(), got)
		}
	})
}

// TestHysteresis: two failed checks in a row eject an instance, one good one
// brings it back.
func TestHysteresis(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		interval := b.now().CheckInterval
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		p := b.all()[0]
		p.fall(errSick)
		b.after(interval)
		b.want("2 ready")
		p.fall(nil)
		b.after(interval)
		p.fall(errSick)
		b.after(interval)
		b.want("2 ready") // not two in a row
		b.after(interval)
		b.want("1 ready 1 unhealthy")
		p.fall(nil)
		b.after(interval)
		b.want("2 ready")
	})
}

func TestSickInstanceIsReplaced(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		p := b.all()[0]
		p.fall(errSick)
		b.after(replaceAfter * b.now().CheckInterval)
		b.after(50 * time.Millisecond)
		b.want("2 ready")
		if p.alive() {
			t.Error("the sick one still runs")
		}
		f := b.board.Snapshot()
		if want := "failed 4 health checks: " + errSick.Error(); f.LastExit.Reason != want || f.Restarts != 1 {
			t.Errorf("fleet %+v, want last exit %q and one restart", f, want)
		}
	})
}

// TestLastReadyInstanceStays: checks alone never empty the pool.
func TestLastReadyInstanceStays(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		for _, p := range b.all() {
			p.fall(errSick)
		}
		b.after((replaceAfter - 1) * b.now().CheckInterval)
		b.want("1 ready 1 unhealthy")
	})
}

// TestRealSuccessCounts: an instance that serves requests is not ejected for
// what it says to health checks.
func TestRealSuccessCounts(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		b.all()[0].fall(errSick)
		for range 50 {
			b.after(b.now().CheckInterval / 5)
			lease, err := b.registry.Acquire(t.Context(), registry.Preference{})
			if err != nil {
				t.Fatal(err)
			}
			lease.Responded(time.Millisecond, 200)
			lease.Release()
		}
		b.want("2 ready")
		if !b.all()[0].alive() {
			t.Error("it was replaced")
		}
	})
}

// TestRefusedConnectionIsLookedAtNow: an instance that refused a request comes
// back as soon as it answers, not with the next check.
func TestRefusedConnectionIsLookedAtNow(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		lease.Refused()
		lease.Release()
		b.want("1 unhealthy")
		b.after(firstProbe)
		b.want("1 ready")
	})
}

func TestRefusedAndGone(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		b.all()[0].die("signal: killed")
		lease.Refused()
		lease.Release()
		b.after(50 * time.Millisecond)
		b.want("1 ready")
		if got := len(b.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
	})
}

var errStarved = &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}

// TestHealthCheckNotMade: that dynlb has no descriptor for a health check is not
// held against the instance.
func TestHealthCheckNotMade(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		for _, p := range b.all() {
			p.fall(errStarved)
		}
		b.after(2 * replaceAfter * b.now().CheckInterval)
		b.want("2 ready")
		if got := len(b.all()); got != 2 {
			t.Errorf("%d starts", got)
		}
	})
}

// TestStartNotProbed: as long as dynlb has no descriptor for a probe, an instance
// that starts, or has to show that it is well, neither becomes ready nor fails, and
// is asked no more often than otherwise. Then it has the time that was left.
func TestStartNotProbed(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		starve := func(p *fakeProcess) {
			t.Helper()
			p.set(func(p *fakeProcess) { p.sick, p.paths = errStarved, nil })
			b.after(10 * b.now().StartTimeout)
			if !p.alive() {
				t.Fatal("it was ended")
			}
			p.set(func(p *fakeProcess) {
				if n, most := len(p.paths), int(10*b.now().StartTimeout/slowestProbe)+100; n > most {
					t.Errorf("asked %d times, want %d at most", n, most)
				}
			})
		}
		b.Scale(1, "test")
		synctest.Wait()
		p := b.all()[0]
		starve(p)
		b.want("1 starting")
		p.fall(nil)
		b.after(slowestProbe)
		b.want("1 ready")

		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		lease.Refused()
		lease.Release()
		starve(p)
		b.want("1 unhealthy")
		p.fall(errSick)
		b.after(b.now().StartTimeout * 9 / 10)
		if !p.alive() {
			t.Error("ended before its time was up")
		}
		starve(p)
		p.fall(errSick)
		b.after(b.now().StartTimeout / 5)
		if p.alive() {
			t.Error("it still runs")
		}
	})
}
