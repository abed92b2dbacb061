package local

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestScaleDownDuringStart: an instance that is not ready yet goes first.
func TestScaleDownDuringStart(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(1, "test")
		b.after(50 * time.Millisecond)
		b.Scale(4, "test")
		synctest.Wait()
		b.want("3 starting 1 ready")
		b.Scale(1, "test")
		synctest.Wait()
		b.want("1 ready")
		if got := b.running()[0].port; got != 5001 {
			t.Errorf("the instance on %d stayed, want the ready one", got)
		}
	})
}

// TestDrainingInstanceIsTakenBack: when load returns, an instance that has not
// stopped yet serves again, rather than a new one.
func TestDrainingInstanceIsTakenBack(t *testing.T) {
	supervise(t, nil, func(t *testing.T, b *bench) {
		b.Scale(2, "test")
		b.after(50 * time.Millisecond)
		one, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		two, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		for range 3 { // and again
			b.Scale(1, "test")
			b.after(time.Second)
			b.want("1 ready 1 draining")
			b.Scale(2, "test")
			synctest.Wait()
			b.want("2 ready")
		}
		if got := len(b.all()); got != 2 {
			t.Errorf("%d starts, want 2", got)
		}
		// It is looked after as before.
		b.all()[1].die("signal: killed")
		b.after(50 * time.Millisecond)
		b.want("2 ready")
		one.Release()
		two.Release()

		// One that is to go again drains again, and then stops.
		three, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		four, _ := b.registry.Acquire(t.Context(), registry.Preference{})
		b.Scale(1, "test")
		b.Scale(2, "test")
		b.Scale(1, "test")
		b.after(time.Second)
		b.want("1 ready 1 draining")
		three.Release()
		four.Release()
		synctest.Wait()
		b.want("1 ready")
	})
}

// TestScaleUpWhileDrainingEnds: an instance is taken back or stopped, never
// both, whatever the order in which the drain ends and the target rises.
func TestScaleUpWhileDrainingEnds(t *testing.T) {
	for range 50 {
		supervise(t, nil, func(t *testing.T, b *bench) {
			b.Scale(2, "test")
			b.after(50 * time.Millisecond)
			one, _ := b.registry.Acquire(t.Context(), registry.Preference{})
			two, _ := b.registry.Acquire(t.Context(), registry.Preference{})
			b.Scale(1, "test")
			synctest.Wait()
			go one.Release()
			go two.Release()
			b.Scale(2, "test")
			b.after(time.Second)
			b.want("2 ready")
			if got := len(b.running()); got != 2 {
				t.Errorf("%d processes, want 2", got)
			}
		})
	}
}
