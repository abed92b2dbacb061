package autoscaler

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// fleet is a fleet whose instances become ready after the time in boot.
type fleet struct {
	registry *registry.Registry
	boot     atomic.Int64 // nanoseconds

	mu     sync.Mutex // guards all below
	ids    []registry.ID
	scaled []int // the argument of each Scale
}

// size returns how many instances there are.
func (f *fleet) size() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.ids)
}

func (f *fleet) Scale(n int, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scaled = append(f.scaled, n)
	for len(f.ids) < n {
		id := f.registry.Add(registry.Spec{Endpoint: registry.TCP("127.0.0.1", 5001+len(f.ids)), Reason: reason})
		f.ids = append(f.ids, id)
		time.AfterFunc(time.Duration(f.boot.Load()), func() { _ = f.registry.Transition(id, registry.Ready, "test") })
	}
	for len(f.ids) > n {
		now := f.registry.Snapshot()
		id := now.RemovalOrder()[0].ID
		f.ids = slices.DeleteFunc(f.ids, func(x registry.ID) bool { return x == id })
		_ = f.registry.Transition(id, registry.Stopped, reason)
	}
}

// fail stops the instances that are starting.
func (f *fleet) fail() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, in := range f.registry.Snapshot().Instances {
		if in.State == registry.Starting {
			f.ids = slices.DeleteFunc(f.ids, func(x registry.ID) bool { return x == in.ID })
			_ = f.registry.Transition(in.ID, registry.Stopped, "test")
		}
	}
}

// boot is how long an instance takes to become ready.
const boot = 50 * time.Millisecond

// scaling runs a test in a bubble with an autoscaler over a fleet.
func scaling(t *testing.T, settings Settings, test func(t *testing.T, a *Autoscaler, f *fleet)) {
	t.Helper()
	scalingOn(t, nil, settings, test)
}

// scalingOn is scaling on a machine.
func scalingOn(t *testing.T, m Machine, settings Settings, test func(t *testing.T, a *Autoscaler, f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: time.Hour})
		f := &fleet{registry: r}
		f.boot.Store(int64(boot))
		options := Options{Board: notice.New(r), Fleet: f, Pool: r, Log: slog.New(slog.DiscardHandler)}
		if m != nil {
			options.Room = NewRoom(m)
		}
		a := New(options, settings)
		ctx, cancel := context.WithCancel(t.Context())
		go a.Run(ctx) // the bubble waits for it
		synctest.Wait()
		test(t, a, f)
		cancel()
		<-a.done
		if _, err := a.ScaleTo(t.Context(), 2, 0, "late"); !errors.Is(err, registry.ErrClosed) {
			t.Errorf("ScaleTo after the end: %v", err)
		}
	})
}

var defaults = Settings{
	Bounds:     notice.Bounds{Min: 2, Max: 8},
	Thresholds: Thresholds{Up: 3, Down: 0.5},
	Idle:       30 * time.Second,
	Window:     5 * time.Second,
}

// busy claims n requests at once.
func busy(t *testing.T, r *registry.Registry, n int) (release func()) {
	t.Helper()
	var leases []registry.Lease
	for range n {
		lease, err := r.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		leases = append(leases, lease)
	}
	return func() {
		for _, l := range leases {
			l.Release()
		}
	}
}

func wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// TestUpUnderLoadAndDownAgain: load raises the number of instances from two to
// eight, and without load it falls to two.
func TestUpUnderLoadAndDownAgain(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		if f.size() != 2 {
			t.Fatalf("%d instances at first, want minInstances", f.size())
		}
		wait(time.Second)
		release := busy(t, f.registry, 40)
		wait(2 * defaults.short())
		if f.size() != 8 {
			t.Fatalf("%d instances after two short windows, want 8", f.size())
		}
		release()
		wait(defaults.Idle - time.Second)
		if f.size() != 8 {
			t.Fatalf("%d instances before idleTimeout, want 8", f.size())
		}
		wait(2 * defaults.Window)
		if f.size() != 2 {
			t.Errorf("%d instances after idleTimeout, want 2", f.size())
		}
	})
}

// TestStartingInstancesAreCapacity: while instances take long to start, the target
// does not rise beyond what the load needs.
func TestStartingInstancesAreCapacity(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		wait(time.Second)
		release := busy(t, f.registry, 10)
		f.boot.Store(int64(time.Hour))
		wait(10 * defaults.Window)
		if f.size() != 4 {
			t.Errorf("%d instances for a load of 10, want 4", f.size())
		}
		release()
	})
}

func TestDrainingInstancesAreNoLoad(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		wait(time.Second)
		release := busy(t, f.registry, 2)
		for _, in := range f.registry.Snapshot().Instances {
			if _, err := f.registry.Drain(in.ID, "test"); err != nil {
				t.Fatal(err)
			}
		}
		s := NewScaler(a.scaler.Options, defaults)
		now := s.Board.Snapshot().Snapshot
		s.observe(&now)
		if s.loads != 0 {
			t.Errorf("load %v, want none", s.loads)
		}
		release()
	})
}

// TestFromZero: with no instance, the first request starts one at once and is served
// by it.
func TestFromZero(t *testing.T) {
	t.Parallel()
	settings := defaults
	settings.Bounds.Min = 0
	scaling(t, settings, func(t *testing.T, a *Autoscaler, f *fleet) {
		if f.size() != 0 {
			t.Fatalf("%d instances, want none", f.size())
		}
		wait(time.Second)
		start := time.Now()
		lease, err := f.registry.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != boot {
			t.Errorf("served after %v, want %v", took, boot)
		}
		lease.Release()
		wait(settings.Idle + 2*settings.Window)
		if f.size() != 0 {
			t.Errorf("%d instances, want none again", f.size())
		}
	})
}

// TestConfigure: new bounds apply at once, whatever the load is, and new thresholds
// and intervals from the next decision on.
func TestConfigure(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		settings := defaults
		settings.Bounds = notice.Bounds{Min: 4, Max: 6}
		a.Configure(settings)
		synctest.Wait()
		if now := a.scaler.Board.Snapshot(); f.size() != 4 || now.Target != 4 || now.Bounds != settings.Bounds {
			t.Fatalf("%d instances, %+v; want 4", f.size(), now)
		}
		if _, err := a.ScaleTo(t.Context(), 7, 0, "too many"); err == nil {
			t.Error("ScaleTo(7) with at most 6")
		}
		wait(boot)
		release := busy(t, f.registry, 8)
		wait(3 * defaults.Window)
		if f.size() != 4 {
			t.Fatalf("%d instances for a load of 2 each, want 4", f.size())
		}
		settings.Thresholds, settings.Window = Thresholds{Up: 1.5, Down: 0.5}, time.Second
		a.Configure(settings)
		wait(time.Second)
		if f.size() != 6 {
			t.Errorf("%d instances one second after the threshold fell below the load, want 6", f.size())
		}
		settings.Bounds = notice.Bounds{Min: 1, Max: 3}
		a.Configure(settings)
		synctest.Wait()
		if f.size() != 3 {
			t.Errorf("%d instances, want the maximum of 3", f.size())
		}
		release()
	})
}

// TestSpare: the spare instances are there beyond what the load needs, when it rises,
// when it falls, and without any.
func TestSpare(t *testing.T) {
	t.Parallel()
	settings := defaults
	settings.Spare = 3
	scaling(t, settings, func(t *testing.T, a *Autoscaler, f *fleet) {
		if f.size() != 3 {
			t.Fatalf("%d instances without load, want the 3 spare ones", f.size())
		}
		wait(time.Second)
		release := busy(t, f.registry, 9)
		wait(3 * settings.Window)
		if f.size() != 6 {
			t.Errorf("%d instances for a load of 9, want 3 and 3 spare ones", f.size())
		}
		release()
		release = busy(t, f.registry, 1)
		wait(3 * settings.Idle)
		if f.size() != 4 {
			t.Errorf("%d instances for a load of 1, want 1 and 3 spare ones", f.size())
		}
		release()
		wait(3 * settings.Idle)
		if f.size() != 3 {
			t.Errorf("%d instances after the load, want the 3 spare ones", f.size())
		}
	})
}

// TestConfigureKeepsHold: a hold continues after a Configure.
func TestConfigureKeepsHold(t *testing.T) {
	t.Parallel()
	scaling(t, defaults, func(t *testing.T, a *Autoscaler, f *fleet) {
		if _, err := a.ScaleTo(t.Context(), 5, time.Hour, "because"); err != nil {
			t.Fatal(err)
		}
		a.Configure(defaults)
		wait(defaults.Idle + 2*defaults.Window)
		if f.size() != 5 || a.scaler.Board.Snapshot().HoldUntil.IsZero() {
			t.Errorf("%d instances, want 5 held", f.size())
		}
	})
}
