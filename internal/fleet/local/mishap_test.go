package local

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestScaleDownDuringSurge: with more new instances starting than will be
// needed, the last old one that serves stays until a new one does.
func TestScaleDownDuringSurge(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		b.machine.mu.Lock()
		for _, p := range b.launched {
			p.born = p.born.Add(-time.Hour)
		}
		b.boot = 5 * time.Second
		b.machine.mu.Unlock()
		_, done := b.restart(2)
		b.after(100 * time.Millisecond)
		b.Scale(1, "test")
		b.after(10 * time.Millisecond)
		b.want("1 starting 1 ready")
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.after(time.Second)
		b.want("1 ready")
	})
}

// TestSickInstanceIsNotTakenBack: what was ejected before it was told to go does
// not serve again unasked.
func TestSickInstanceIsNotTakenBack(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		one, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		two, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		b.all()[1].fall(errSick)
		b.after(ejectAfter * b.now().CheckInterval)
		b.want("1 ready 1 unhealthy")
		b.Scale(1, "test")
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		b.want("2 ready 1 draining")
		one.Release()
		two.Release()
	})
}

// TestSuspectDrains: an instance that refuses connections for good is replaced,
// and its requests in flight get the time that others get.
func TestSuspectDrains(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		p := b.all()[0]
		lease, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		p.fall(errors.New("nothing listens"))
		lease.Refused()
		b.after(b.now().StartTimeout + time.Second)
		b.want("1 ready 1 draining")
		if !p.alive() {
			t.Error("stopped with a request in flight")
		}
		lease.Release()
		b.after(time.Second)
		b.want("1 ready")
	})
}

// TestTroubleEndsWithItsCause: a start that failed and is not wanted any more
// neither is told of for ever, nor counts as a restart later.
func TestTroubleEndsWithItsCause(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		b.machine.mu.Lock()
		b.refuse = func() error { return errors.New("no such app") }
		b.machine.mu.Unlock()
		b.Scale(2, "test")
		b.after(time.Second)
		if got := b.registry.Trouble(); got != "no such app" {
			t.Errorf("trouble %q", got)
		}
		b.Scale(1, "test")
		b.machine.mu.Lock()
		b.refuse = nil
		b.machine.mu.Unlock()
		b.after(time.Minute)
		if got := b.registry.Trouble(); got != "" {
			t.Errorf("trouble %q", got)
		}
		before := b.board.Snapshot().Restarts
		b.Scale(2, "test")
		b.after(time.Second)
		b.want("2 ready")
		if got := b.board.Snapshot().Restarts; got != before {
			t.Errorf("%d restarts more", got-before)
		}
	})
}

// TestRestartWithSickNewOnes: a new instance that falls ill as soon as it is
// ready takes the place of one old instance at the most, and ends the restart.
func TestRestartWithSickNewOnes(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(3, "test")
		b.after(50 * time.Millisecond)
		old := map[registry.ID]bool{}
		for _, in := range b.registry.Snapshot().Instances {
			old[in.ID] = true
		}
		_, done := b.restart(1)
		for range 100 {
			b.after(time.Millisecond)
			for _, in := range b.registry.Snapshot().Instances {
				if old[in.ID] || in.State != registry.Ready {
					continue
				}
				for _, p := range b.running() {
					if p.port == in.Port {
						p.fall(errSick)
					}
				}
				_ = b.registry.Transition(in.ID, registry.Unhealthy, "test")
			}
		}
		if s := b.registry.Snapshot(); len(done) > 0 || s.Count(registry.Ready) < 2 {
			t.Fatalf("the sick one took the place of others: %s", b.counts())
		}
		b.after(replaceAfter * b.now().CheckInterval)
		if err := <-done; err == nil || !strings.Contains(err.Error(), "the others stay") {
			t.Errorf("Restart: %v", err)
		}
		b.after(time.Minute)
		b.want("3 ready")
	})
}
