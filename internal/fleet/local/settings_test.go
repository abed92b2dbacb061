package local

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
)

// configure puts the settings in force, changed.
func (r *rig) configure(change func(*Settings)) <-chan error {
	next := *r.settings()
	change(&next)
	return r.Configure(next)
}

// apps counts the running processes by their variable APP.
func (r *rig) apps() map[string]int {
	count := map[string]int{}
	for _, p := range r.running() {
		for _, v := range p.spec.Env {
			if app, ok := strings.CutPrefix(v, "APP="); ok {
				count[app]++
			}
		}
	}
	return count
}

// env returns a change that sets the variable APP.
func env(app string) func(*Settings) {
	return func(c *Settings) { c.Program.Env = map[string]string{"APP": app} }
}

// env1 sets the variable APP to 1 from the start.
func env1(c *Settings, _ *machine) { env("1")(c) }

// result returns the value that a channel of Configure has now.
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

// TestConfigureRestarts: a change of what an instance runs replaces all instances,
// and there are never fewer ready ones than the target.
func TestConfigureRestarts(t *testing.T) {
	t.Parallel()
	for key, change := range map[string]func(*Settings){
		"location":   func(c *Settings) { c.Program.Location = "/other.ts" },
		"command":    func(c *Settings) { c.Program.Command = []string{"other"} },
		"env":        env("2"),
		"workDir":    func(c *Settings) { c.Program.WorkDir = "/tmp" },
		"user":       func(c *Settings) { c.Program.User = "nobody" },
		"healthPath": func(c *Settings) { c.Program.HealthPath = "/healthy" },
		"verifyPort": func(c *Settings) { c.Program.VerifyPort = false },
	} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			withFleet(t, nil, func(t *testing.T, r *rig) {
				r.Scale(2, "test")
				r.after(50 * time.Millisecond)
				old := r.running()
				done := r.configure(change)
				for len(done) == 0 {
					if r.ready() < 2 {
						t.Fatal("fewer than two instances are ready")
					}
					r.after(time.Millisecond)
				}
				if err := result(t, done); err != nil {
					t.Fatal(err)
				}
				r.want("2 ready")
				for _, p := range r.running() {
					if slices.Contains(old, p) {
						t.Error("an instance was not replaced")
					}
				}
				_, events, _ := r.board.Since(0)
				if !slices.ContainsFunc(events, eventWith("config changed: "+key)) {
					t.Errorf("no event has the key: %+v", events)
				}
			})
		})
	}
}

// TestConfigureProbesByOwnPath: an instance is probed with the path that it was
// started with, also when later instances have another one.
func TestConfigureProbesByOwnPath(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		first := r.running()[0]
		r.bootIn(20 * time.Second)
		r.configure(func(c *Settings) { c.Program.HealthPath, c.StartTimeout = "/healthy", time.Minute })
		r.after(15 * time.Second)
		first.set(func(p *fakeProcess) {
			if slices.Contains(p.paths, "/healthy") || len(p.paths) < 3 {
				t.Errorf("the old instance was probed with %v", p.paths)
			}
		})
		r.after(10 * time.Second)
		r.want("1 ready")
		r.running()[0].set(func(p *fakeProcess) {
			if slices.Contains(p.paths, "/health") || len(p.paths) == 0 {
				t.Errorf("the new instance was probed with %v", p.paths)
			}
		})
	})
}

// TestConfigureTimesAtOnce: times are in force for running instances too.
func TestConfigureTimesAtOnce(t *testing.T) {
	t.Parallel()
	withFleet(t, func(c *Settings, _ *machine) { c.CheckInterval = time.Hour }, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		old := r.running()
		if err := result(t, r.configure(func(c *Settings) { c.CheckInterval, c.DrainTimeout = time.Second, time.Minute })); err != nil {
			t.Fatal(err)
		}
		old[0].failHealth(errUnhealthy)
		r.after(unhealthyAfter*time.Second + time.Millisecond)
		r.want("1 ready 1 unhealthy")
		old[0].failHealth(nil)
		r.after(time.Second)
		r.want("2 ready")
		lease := r.acquire()
		r.Scale(0, "test")
		r.after(time.Minute - time.Second)
		r.want("1 draining")
		r.after(2 * time.Second)
		r.want("")
		lease.Release()
		for _, p := range old {
			if p.alive() {
				t.Error("the process still runs")
			}
		}
	})
}

// TestConfigureThatFails: when new instances fail, the outdated ones stay, and
// later ones run the same program, until the next Configure.
func TestConfigureThatFails(t *testing.T) {
	t.Parallel()
	withFleet(t, env1, func(t *testing.T, r *rig) {
		r.Scale(2, "test")
		r.after(50 * time.Millisecond)
		r.refuseStarts(errors.New("no such app"))
		err := result(t, r.configure(env("2")))
		if want := "0 of 2 instances replaced, the others stay; the new one: no such app"; err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		r.refuseStarts(nil)
		r.Scale(3, "test")
		r.after(time.Minute)
		r.want("3 ready")
		if got := r.apps(); got["1"] != 3 {
			t.Errorf("running %v, want three of the first program", got)
		}
		done := r.configure(env("2")) // the same again
		r.after(time.Second)
		if err := result(t, done); err != nil {
			t.Error(err)
		}
		if got := r.apps(); got["2"] != 3 || len(got) != 1 {
			t.Errorf("running %v, want three of the second program", got)
		}
	})
}

// TestConfigureAfterFailedStarts: when no instance could be started, a program that
// starts is tried at once, and kept.
func TestConfigureAfterFailedStarts(t *testing.T) {
	t.Parallel()
	withFleet(t, env1, func(t *testing.T, r *rig) {
		r.refuseStarts(errors.New("no such app"))
		r.Scale(2, "test")
		r.after(time.Hour)
		r.refuseStarts(nil)
		done := r.configure(env("2"))
		r.after(100 * time.Millisecond)
		if err := result(t, done); err != nil {
			t.Error(err)
		}
		r.want("2 ready")
		if got := r.apps(); got["2"] != 2 {
			t.Errorf("running %v, want two of the second program", got)
		}
	})
}

// TestConfigureTwice: a change during the rollout of another one takes its place.
func TestConfigureTwice(t *testing.T) {
	t.Parallel()
	withFleet(t, env1, func(t *testing.T, r *rig) {
		r.Scale(3, "test")
		r.after(50 * time.Millisecond)
		first := r.configure(env("2"))
		r.after(15 * time.Millisecond) // one is replaced
		second := r.configure(env("3"))
		if err := result(t, first); !errors.Is(err, fleet.ErrSuperseded) {
			t.Errorf("first change: %v", err)
		}
		for len(second) == 0 {
			r.after(time.Millisecond)
			if got := r.ready(); got < 3 {
				t.Fatalf("%d ready, want 3", got)
			}
		}
		if err := result(t, second); err != nil {
			t.Error(err)
		}
		if got := r.apps(); got["3"] != 3 || len(got) != 1 {
			t.Errorf("running %v, want three of the third program", got)
		}
	})
}

// TestConfigureAfterStop: Configure after Stop returns an error and starts nothing.
func TestConfigureAfterStop(t *testing.T) {
	t.Parallel()
	withFleet(t, nil, func(t *testing.T, r *rig) {
		r.Scale(1, "test")
		r.after(50 * time.Millisecond)
		r.Stop(t.Context())
		if err := result(t, r.configure(env("2"))); !errors.Is(err, errStoppedRestart) {
			t.Error(err)
		}
		r.want("")
	})
}
