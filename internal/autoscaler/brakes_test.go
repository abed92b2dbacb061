package autoscaler

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/machine"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

const gib = 1 << 30

// bench is a machine with two processors, as a test sets it.
type bench struct {
	mu    sync.Mutex
	since time.Time
	busy  float64 // processors
	left  uint64  // bytes
}

func (b *bench) set(busy float64, left uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.busy, b.left = busy, left
}

func (b *bench) Read() machine.Reading {
	b.mu.Lock()
	defer b.mu.Unlock()
	elapsed := time.Since(b.since)
	return machine.Reading{
		Memory:     []machine.Memory{{Of: "machine", Available: 64 * gib}, {Of: "/sys/fs/cgroup/app", Available: b.left}},
		Processors: []machine.Processors{{Of: "machine", Count: 2, Busy: time.Duration(b.busy * float64(elapsed))}},
		Waited:     elapsed / 4,
	}
}

// braked runs a test with instances that use 1 GiB each, on a machine.
func braked(t *testing.T, brakes Brakes, test func(t *testing.T, a *Autoscaler, f *fleet, m *bench)) {
	t.Helper()
	settings := defaults
	settings.Brakes = brakes
	m := &bench{left: 64 * gib}
	scalingOn(t, m, settings, func(t *testing.T, a *Autoscaler, f *fleet) {
		m.mu.Lock()
		m.since = time.Now()
		m.mu.Unlock()
		wait(2 * time.Second)
		for _, in := range f.registry.Snapshot().Instances {
			if err := f.registry.SetUsage(in.ID, registry.Usage{Memory: gib}); err != nil {
				t.Fatal(err)
			}
		}
		test(t, a, f, m)
	})
}

// events returns the reasons of the events of a kind.
func events(b *notice.Board, kind notice.EventType) (reasons []string) {
	_, all, _ := b.Since(0)
	for _, e := range all {
		if e.Type == kind {
			reasons = append(reasons, e.Reason)
		}
	}
	return reasons
}

// TestMemoryBrake: load adds as many instances as memory has room for. Those that are
// starting have their part of it already.
func TestMemoryBrake(t *testing.T) {
	t.Parallel()
	braked(t, Brakes{Memory: true}, func(t *testing.T, a *Autoscaler, f *fleet, m *bench) {
		f.boot.Store(int64(time.Hour))
		m.set(0, 3*gib+gib/2)
		wait(time.Second)
		release := busy(t, f.registry, 40)
		wait(10 * time.Second)
		if f.size() != 5 {
			t.Fatalf("%d instances, want 5", f.size())
		}
		const want = "brakes.memory: memory has room for 1 more (3584MiB available, /sys/fs/cgroup/app; an instance uses 1024MiB): 5 instances instead of 8"
		if got := events(a.scaler.Board, notice.Braked); len(got) != 1 || got[0] != want {
			t.Errorf("events %q, want one: %q", got, want)
		}
		if got := a.scaler.Board.Snapshot().Brake; got != want {
			t.Errorf("the status says %q", got)
		}
		if got := events(a.scaler.Board, notice.Scaled); !strings.Contains(got[len(got)-1], "but memory has room for 1 more") {
			t.Errorf("the target rose because of %q", got[len(got)-1])
		}
		if old, err := a.ScaleTo(t.Context(), 7, 0, "order"); err != nil || old != 5 || f.size() != 7 {
			t.Errorf("an order for 7 gave %d from %d: %v", f.size(), old, err)
		}
		m.set(0, 64*gib)
		wait(10 * time.Second)
		if f.size() != 8 {
			t.Errorf("%d instances with memory for all, want 8", f.size())
		}
		wait(episodeWindows*defaults.Window + time.Second)
		if got := a.scaler.Board.Snapshot().Brake; got != "" {
			t.Errorf("the status still says %q", got)
		}
		release()
	})
}

// TestProcessorsBrake: when no processor is idle, load adds instances up to the number
// of processors, and more when there is idle time again.
func TestProcessorsBrake(t *testing.T) {
	t.Parallel()
	braked(t, Brakes{Processors: true}, func(t *testing.T, a *Autoscaler, f *fleet, m *bench) {
		if _, err := a.ScaleTo(t.Context(), 2, 0, "order"); err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		m.since = time.Now()
		m.mu.Unlock()
		m.set(1.9, 0)
		wait(2 * time.Second)
		use(t, f, 0.9)
		release := busy(t, f.registry, 40)
		wait(30 * time.Second)
		if f.size() != 2 {
			t.Fatalf("%d instances on 2 busy processors, want 2", f.size())
		}
		const want = "brakes.cpu: the processors are the limit (5 % idle over 1s, 2 processors of machine; processes waited for 25 % of it): 2 instances instead of 4"
		if got := events(a.scaler.Board, notice.Braked); len(got) != 1 || got[0] != want {
			t.Errorf("events %q, want one: %q", got, want)
		}
		m.mu.Lock()
		m.since, m.busy = time.Now(), 1.7
		m.mu.Unlock()
		wait(10 * time.Second)
		if f.size() != 8 {
			t.Errorf("%d instances with idle time, want 8", f.size())
		}
		release()
	})
}

// use makes each instance use so much of a processor for a second, and keeps the measurement.
func use(t *testing.T, f *fleet, processors float64) {
	t.Helper()
	before := f.registry.Snapshot().Instances
	for range 2 {
		for _, in := range before {
			in.Usage.CPU += time.Duration(processors * float64(time.Since(in.Started)))
			if err := f.registry.SetUsage(in.ID, in.Usage); err != nil {
				t.Fatal(err)
			}
		}
		wait(time.Second)
	}
}

// TestProcessorsOfOthers: when another program keeps the processors busy, and the instances
// use little of them, load adds instances.
func TestProcessorsOfOthers(t *testing.T) {
	t.Parallel()
	braked(t, Brakes{Processors: true}, func(t *testing.T, a *Autoscaler, f *fleet, m *bench) {
		if _, err := a.ScaleTo(t.Context(), 2, 0, "order"); err != nil {
			t.Fatal(err)
		}
		m.mu.Lock()
		m.since = time.Now()
		m.mu.Unlock()
		m.set(2, 0)
		wait(2 * time.Second)
		use(t, f, 0.2)
		release := busy(t, f.registry, 40)
		wait(10 * time.Second)
		if f.size() != 8 {
			t.Errorf("%d instances that wait, beside a busy program; want 8", f.size())
		}
		if got := events(a.scaler.Board, notice.Braked); len(got) != 0 {
			t.Errorf("events %q", got)
		}
		release()
	})
}

// TestNoBrake: what is turned off does not hold, and minInstances needs no room.
func TestNoBrake(t *testing.T) {
	t.Parallel()
	for name, brakes := range map[string]Brakes{"memory off": {Processors: true}, "cpu off": {Memory: true}} {
		braked(t, brakes, func(t *testing.T, a *Autoscaler, f *fleet, m *bench) {
			m.mu.Lock()
			m.since = time.Now()
			m.mu.Unlock()
			m.set(map[bool]float64{true: 2}[brakes.Memory], map[bool]uint64{true: 64 * gib}[brakes.Memory])
			wait(3 * time.Second)
			release := busy(t, f.registry, 40)
			wait(10 * time.Second)
			if f.size() != 8 {
				t.Errorf("%s: %d instances, want 8", name, f.size())
			}
			release()
		})
	}
	braked(t, Brakes{Memory: true, Processors: true}, func(t *testing.T, a *Autoscaler, f *fleet, m *bench) {
		m.set(2, 0)
		wait(3 * time.Second)
		settings := defaults
		settings.Bounds.Min, settings.Brakes = 6, Brakes{Memory: true, Processors: true}
		a.Configure(settings)
		wait(time.Second)
		if f.size() != 6 {
			t.Errorf("%d instances, want minInstances", f.size())
		}
	})
}

// TestFirstInstanceIsNotBraked: a request that waits for the first instance gets it.
func TestFirstInstanceIsNotBraked(t *testing.T) {
	t.Parallel()
	settings := defaults
	settings.Bounds.Min, settings.Brakes = 0, Brakes{Memory: true, Processors: true}
	m := &bench{since: time.Now(), busy: 2}
	scalingOn(t, m, settings, func(t *testing.T, a *Autoscaler, f *fleet) {
		wait(3 * time.Second)
		lease, err := f.registry.Acquire(t.Context(), registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
	})
}
