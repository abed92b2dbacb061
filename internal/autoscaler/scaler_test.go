package autoscaler

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestIdlers: instances are counted in the order in which they are removed, up to the
// first one that must stay.
func TestIdlers(t *testing.T) {
	t.Parallel()
	const idle = 30 * time.Second
	base := time.Now()
	in := func(state registry.State, inFlight int, since time.Duration) registry.Instance {
		out := registry.Instance{State: state, InFlight: inFlight}
		if inFlight == 0 {
			out.IdleSince = base.Add(-since)
		}
		return out
	}
	const starting, ready, unhealthy, draining = registry.Starting, registry.Ready, registry.Unhealthy, registry.Draining
	for _, c := range []struct {
		name      string
		trouble   string
		instances []registry.Instance // in start order
		want      int
	}{
		{"none", "", nil, 0},
		{"all", "", []registry.Instance{in(ready, 0, idle), in(ready, 0, time.Hour)}, 2},
		{"a moment too soon", "", []registry.Instance{in(ready, 0, idle-1)}, 0},
		{"the last one is new", "", []registry.Instance{in(ready, 0, time.Hour), in(ready, 0, time.Second)}, 0},
		{"the last ones", "", []registry.Instance{in(ready, 0, 0), in(ready, 0, idle), in(ready, 0, idle)}, 2},
		{"one with work comes after", "", []registry.Instance{in(ready, 0, 0), in(ready, 0, idle), in(ready, 1, 0)}, 1},
		{"draining ones do not count", "", []registry.Instance{in(ready, 0, idle), in(draining, 0, 0), in(draining, 2, 0)}, 1},
		{"starting", "", []registry.Instance{in(ready, 0, idle), in(starting, 0, time.Hour)}, 0},
		{"cannot start", "why", []registry.Instance{in(ready, 0, idle), in(starting, 0, 0), in(starting, 0, 0)}, 1},
		{"cannot start, and the last one is new", "why", []registry.Instance{in(ready, 0, idle), in(ready, 0, 0), in(starting, 0, 0)}, 0},
		{"unhealthy and idle", "", []registry.Instance{in(unhealthy, 0, idle), in(ready, 0, idle)}, 2},
		{"unhealthy at work", "", []registry.Instance{in(unhealthy, 1, 0), in(ready, 0, idle)}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			now := registry.Snapshot{Time: base, Instances: c.instances}
			now.Trouble = c.trouble
			if got := idlers(&now, idle, base.Add(-idle)); got != c.want {
				t.Errorf("%d may be removed, want %d", got, c.want)
			}
		})
	}
}

// TestIdlersReplaced: a new instance that replaced another one does not keep idle
// ones. A new instance that raised the target does, and so does one that has served
// a request.
func TestIdlersReplaced(t *testing.T) {
	t.Parallel()
	const idle = 30 * time.Second
	base := time.Now()
	now := registry.Snapshot{Time: base}
	for range 7 {
		now.Instances = append(now.Instances, registry.Instance{State: registry.Ready, IdleSince: base.Add(-time.Hour), Total: 9})
	}
	started := base.Add(-2 * time.Second)
	now.Instances = append(now.Instances, registry.Instance{State: registry.Ready, Started: started, IdleSince: base.Add(-time.Second)})
	for _, c := range []struct {
		before time.Duration // from the raise of the target to its start
		total  uint64
		want   int
	}{{0, 0, 0}, {idle - 1, 0, 0}, {idle, 0, 8}, {idle, 1, 0}} {
		now.Instances[7].Total = c.total
		if got := idlers(&now, idle, started.Add(-c.before)); got != c.want {
			t.Errorf("raised %v before, %d requests: %d may be removed, want %d", c.before, c.total, got, c.want)
		}
	}
}

func TestScaleTo(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		old, err := a.ScaleTo(t.Context(), 5, 0, "because")
		if err != nil || old != 2 || f.size() != 5 {
			t.Fatalf("ScaleTo(5) = %d, %v, with %d instances", old, err, f.size())
		}
		var out *notice.BoundsError
		if _, err := a.ScaleTo(t.Context(), 9, 0, "too many"); !errors.As(err, &out) {
			t.Errorf("ScaleTo(9): %v", err)
		}
		if got := a.scaler.Board.Snapshot().Target; got != 5 {
			t.Errorf("target %d, want 5", got)
		}
		wait(defaults.Idle + 2*defaults.Window)
		if f.size() != 2 {
			t.Errorf("%d instances, want the autoscaler to continue from 5 to 2", f.size())
		}
	})
}

func TestHold(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		const hold = 10 * time.Minute
		until := time.Now().Add(hold)
		if _, err := a.ScaleTo(t.Context(), 5, hold, "because"); err != nil {
			t.Fatal(err)
		}
		if got := a.scaler.Board.Snapshot().HoldUntil; !got.Equal(until) {
			t.Errorf("held until %v, want %v", got, until)
		}
		wait(hold - time.Second)
		if f.size() != 5 {
			t.Fatalf("%d instances during the hold, want 5", f.size())
		}
		wait(2 * defaults.Window)
		if f.size() != 2 {
			t.Errorf("%d instances after the hold, want 2", f.size())
		}
		if got := a.scaler.Board.Snapshot().HoldUntil; !got.IsZero() {
			t.Errorf("held until %v, want no hold", got)
		}
		// A call without hold ends a hold.
		_, _ = a.ScaleTo(t.Context(), 6, hold, "because")
		_, _ = a.ScaleTo(t.Context(), 4, 0, "because")
		wait(defaults.Idle + 2*defaults.Window)
		if f.size() != 2 {
			t.Errorf("%d instances, want 2", f.size())
		}
	})
}

// TestScaleToStaysForIdleTimeout: a target that was raised does not fall before
// idleTimeout because of older idle instances, whether the new ones are ready or
// not.
func TestScaleToStaysForIdleTimeout(t *testing.T) {
	t.Parallel()
	for _, ready := range []time.Duration{boot, 2 * defaults.Idle} {
		scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
			wait(2 * defaults.Idle)
			f.boot.Store(int64(ready))
			if _, err := a.ScaleTo(t.Context(), 4, 0, "because"); err != nil {
				t.Fatal(err)
			}
			wait(ready + defaults.Idle - time.Millisecond)
			if f.size() != 4 {
				t.Fatalf("%d instances when the new ones have not been idle for idleTimeout, want 4", f.size())
			}
			wait(2 * defaults.Window)
			if f.size() != 2 {
				t.Errorf("%d instances after idleTimeout, want 2", f.size())
			}
		})
	}
}

// TestScaleToStaysWhenStartsFail: a target that was raised stays for idleTimeout even
// if the new instances cannot be started, both while a start is tried again and
// while the next try waits.
func TestScaleToStaysWhenStartsFail(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(f *fleet){
		"trying":  func(*fleet) {},
		"waiting": (*fleet).fail,
	} {
		t.Run(name, func(t *testing.T) {
			scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
				wait(2 * defaults.Idle)
				f.boot.Store(int64(time.Hour))
				if _, err := a.ScaleTo(t.Context(), 4, 0, "because"); err != nil {
					t.Fatal(err)
				}
				a.scaler.Board.SetTrouble("exit status 1")
				fail(f)
				wait(defaults.Idle - time.Millisecond)
				if got := a.scaler.Board.Snapshot().Target; got != 4 {
					t.Errorf("target %d before idleTimeout, want 4", got)
				}
				wait(2 * defaults.Window)
				if got := a.scaler.Board.Snapshot().Target; got != 2 {
					t.Errorf("target %d after idleTimeout, want 2", got)
				}
			})
		})
	}
}

// TestFailedStartsKeepNoIdleInstance: instances that cannot be started do not keep
// idle ones.
func TestFailedStartsKeepNoIdleInstance(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		f.boot.Store(int64(time.Hour))
		if _, err := a.ScaleTo(t.Context(), 4, 0, "because"); err != nil {
			t.Fatal(err)
		}
		wait(defaults.Idle + 2*defaults.Window)
		if f.size() != 4 {
			t.Fatalf("%d instances while two start, want 4", f.size())
		}
		a.scaler.Board.SetTrouble("exit status 1")
		wait(defaults.Window)
		if now := f.registry.Snapshot(); f.size() != 2 || now.Count(registry.Ready) != 2 {
			t.Errorf("%d instances, %d of them ready, want the 2 ready ones", f.size(), now.Count(registry.Ready))
		}
	})
}

// TestConcurrentScaleTo: the last one wins, and the fleet and the board agree on it.
func TestConcurrentScaleTo(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		done := make(chan struct{})
		for i := range 100 {
			go func() {
				_, _ = a.ScaleTo(t.Context(), 2+i%7, 0, "test")
				done <- struct{}{}
			}()
		}
		for range 100 {
			<-done
		}
		synctest.Wait()
		if last := f.scaled[len(f.scaled)-1]; last != a.scaler.Board.Snapshot().Target || last != f.size() {
			t.Errorf("the fleet got %d, has %d, target %d", last, f.size(), a.scaler.Board.Snapshot().Target)
		}
	})
}

func TestScaleToEndsWithItsContext(t *testing.T) {
	t.Parallel()
	a := New(Options{}, Settings{}) // does not run
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.ScaleTo(ctx, 2, 0, "test"); !errors.Is(err, context.Canceled) {
		t.Errorf("ScaleTo: %v", err)
	}
}
