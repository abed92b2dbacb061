package local

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// configure puts a change of the settings in force.
func (b *bench) configure(change func(*Settings)) <-chan error {
	next := b.current.Load().Settings
	change(&next)
	return b.Configure(next)
}

// apps counts the running processes by the variable APP in their environment.
func (b *bench) apps() map[string]int {
	count := map[string]int{}
	for _, p := range b.running() {
		for _, v := range p.spec.Env {
			if app, ok := strings.CutPrefix(v, "APP="); ok {
				count[app]++
			}
		}
	}
	return count
}

func env(app string) func(*Settings) {
	return func(c *Settings) { c.Env = map[string]string{"APP": app} }
}

// result returns what a channel of Configure says by now.
func result(t *testing.T, done <-chan error) error {
	t.Helper()
	synctest.Wait()
	select {
	case err := <-done:
		return err
	default:
		t.Fatal("not done")
		return nil
	}
}

// TestConfigureRestarts: what an instance is started with takes new instances,
// and there are never fewer than there should be.
func TestConfigureRestarts(t *testing.T) {
	for key, change := range map[string]func(*Settings){
		"location":   func(c *Settings) { c.Location = "/other.ts" },
		"command":    func(c *Settings) { c.Command = []string{"other"} },
		"env":        env("2"),
		"workDir":    func(c *Settings) { c.WorkDir = "/tmp" },
		"user":       func(c *Settings) { c.User = "nobody" },
		"healthPath": func(c *Settings) { c.HealthPath = "/well" },
		"verifyPort": func(c *Settings) { c.VerifyPort = false },
	} {
		t.Run(key, func(t *testing.T) {
			supervise(t, nil, func(t *testing.T, b *bench) {
				b.Scale(2, "test")
				b.after(50 * time.Millisecond)
				old := b.running()
				done := b.configure(change)
				for len(done) == 0 {
					if b.ready() < 2 {
						t.Fatal("fewer than two ready")
					}
					b.after(time.Millisecond)
				}
				if err := result(t, done); err != nil {
					t.Fatal(err)
				}
				b.want("2 ready")
				for _, p := range b.running() {
					if slices.Contains(old, p) {
						t.Error("an instance was not replaced")
					}
				}
				_, events, _ := b.board.Since(0)
				if !slices.ContainsFunc(events, eventWith("config changed: "+key)) {
					t.Errorf("no event tells of it: %+v", events)
				}
			})
		})
	}
}

// TestConfigureProbesByOwnPath: an instance is asked for the path that it was
// started with, though that of the next ones is another.
func TestConfigureProbesByOwnPath(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		first := b.running()[0]
		b.slow(20 * time.Second)
		b.configure(func(c *Settings) { c.HealthPath, c.StartTimeout = "/well", time.Minute })
		b.after(15 * time.Second)
		first.set(func(p *fakeProcess) {
			if slices.Contains(p.paths, "/well") || len(p.paths) < 3 {
				t.Errorf("the old one was asked for %v", p.paths)
			}
		})
		b.after(10 * time.Second)
		b.want("1 ready")
		b.running()[0].set(func(p *fakeProcess) {
			if slices.Contains(p.paths, "/health") || len(p.paths) == 0 {
				t.Errorf("the new one was asked for %v", p.paths)
			}
		})
	})
}

// TestConfigureTimesAtOnce: times count for the instances that run.
func TestConfigureTimesAtOnce(t *testing.T) {
	supervise(t, func(c *Settings, _ *machine) { c.CheckInterval = time.Hour }, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		old := b.running()
		if err := result(t, b.configure(func(c *Settings) { c.CheckInterval, c.DrainTimeout = time.Second, time.Minute })); err != nil {
			t.Fatal(err)
		}
		old[0].fall(errSick)
		b.after(ejectAfter*time.Second + time.Millisecond)
		b.want("1 ready 1 unhealthy")
		old[0].fall(nil)
		b.after(time.Second)
		b.want("2 ready")
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		b.Scale(0, "test")
		b.after(time.Minute - time.Second)
		b.want("1 draining")
		b.after(2 * time.Second)
		b.want("")
		lease.Release()
		for _, p := range old {
			if p.alive() {
				t.Error("not stopped")
			}
		}
	})
}

// TestConfigureThatFails: when the new instances cannot be kept, the old ones
// stay, and so does what is started from then on, until the config changes.
func TestConfigureThatFails(t *testing.T) {
	supervise(t, env1, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		b.deny(errors.New("no such app"))
		err := result(t, b.configure(env("2")))
		if want := "0 of 2 instances replaced, the others stay; the new one: no such app"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		b.deny(nil)
		b.Scale(3, "test")
		b.after(time.Minute)
		b.want("3 ready")
		if got := b.apps(); got["1"] != 3 {
			t.Errorf("running %v, want three as before", got)
		}
		done := b.configure(env("2")) // the same once more
		b.after(time.Second)
		if err := result(t, done); err != nil {
			t.Error(err)
		}
		if got := b.apps(); got["2"] != 3 || len(got) != 1 {
			t.Errorf("running %v, want three new ones", got)
		}
	})
}

func env1(c *Settings, _ *machine) { env("1")(c) }

// TestConfigureMendsWhatNeverRan: where no instance could be started, a config
// that can is tried at once, and kept.
func TestConfigureMendsWhatNeverRan(t *testing.T) {
	supervise(t, env1, func(t *testing.T, b *bench) {
		b.deny(errors.New("no such app"))
		b.Scale(2, "test")
		b.after(time.Hour)
		b.deny(nil)
		done := b.configure(env("2"))
		b.after(100 * time.Millisecond)
		if err := result(t, done); err != nil {
			t.Error(err)
		}
		b.want("2 ready")
		if got := b.apps(); got["2"] != 2 {
			t.Errorf("running %v", got)
		}
	})
}

// TestConfigureTwice: a change that comes while the one before it is being rolled
// out takes its place.
func TestConfigureTwice(t *testing.T) {
	supervise(t, env1, func(t *testing.T, b *bench) {
		b.Scale(3, "test")
		b.after(50 * time.Millisecond)
		first := b.configure(env("2"))
		b.after(15 * time.Millisecond) // one is replaced
		second := b.configure(env("3"))
		if err := result(t, first); !errors.Is(err, fleet.ErrSuperseded) {
			t.Errorf("the first: %v", err)
		}
		for len(second) == 0 {
			b.after(time.Millisecond)
			if got := b.ready(); got < 3 {
				t.Fatalf("only %d ready", got)
			}
		}
		if err := result(t, second); err != nil {
			t.Error(err)
		}
		if got := b.apps(); got["3"] != 3 || len(got) != 1 {
			t.Errorf("running %v", got)
		}
	})
}

// TestConfigureAfterStop: it neither hangs nor starts anything.
func TestConfigureAfterStop(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		b.Stop(t.Context())
		if err := result(t, b.configure(env("2"))); !errors.Is(err, errStoppedRestart) {
			t.Error(err)
		}
		b.want("")
	})
}
