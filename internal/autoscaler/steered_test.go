package autoscaler

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// steeredFleet is a fleet that other processes may scale; it has no instances.
type steeredFleet struct {
	steering chan notice.Steering
	mu       sync.Mutex // guards calls
	calls    []int
}

func (f *steeredFleet) Scale(n int, _ string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, n)
}

// scaled returns the numbers of all calls of Scale.
func (f *steeredFleet) scaled() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func (f *steeredFleet) Steering() <-chan notice.Steering { return f.steering }

// TestSteered: the target begins with the one that there is, is left alone while another
// process sets it, and goes on from what that has left.
func TestSteered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := registry.New(registry.Options{QueueLimit: 10, QueueTimeout: time.Minute})
		f := &steeredFleet{steering: make(chan notice.Steering, 1)}
		board := notice.New(r)
		settings := defaults
		settings.Bounds = notice.Bounds{Min: 0, Max: 10}
		a := New(Options{Board: board, Fleet: f, Pool: r, Log: slog.New(slog.DiscardHandler)}, settings)
		done := make(chan struct{})
		go func() { // ends with the test's context
			defer close(done)
			a.Run(t.Context())
		}()
		t.Cleanup(func() { <-done })
		var steered *notice.SteeredError
		if _, err := a.ScaleTo(t.Context(), 1, 0, "test"); !errors.As(err, &steered) || len(f.scaled()) > 0 {
			t.Fatalf("before the target is known: %v, scaled %v", err, f.scaled())
		}
		f.steering <- notice.Steering{Target: 4}
		synctest.Wait()
		if got := board.Snapshot().Target; got != 4 || len(f.scaled()) != 1 || f.scaled()[0] != 4 {
			t.Fatalf("target %d, scaled %v, want 4", got, f.scaled())
		}
		f.steering <- notice.Steering{Target: 7, By: "argocd"}
		synctest.Wait()
		if _, err := a.ScaleTo(t.Context(), 1, 0, "test"); !errors.As(err, &steered) || steered.By != "argocd" {
			t.Errorf("ScaleTo: %v", err)
		}
		time.Sleep(10 * time.Minute) // nothing is used, and nothing is scaled down
		if got := board.Snapshot(); got.Target != 7 || len(f.scaled()) != 1 || got.Steering.By != "argocd" {
			t.Errorf("target %d, scaled %v", got.Target, f.scaled())
		}
		f.steering <- notice.Steering{Target: 0, By: "another dynlb", Raise: true}
		synctest.Wait()
		go func() { _, _ = r.Acquire(t.Context(), registry.Preference{}) }()
		time.Sleep(500 * time.Millisecond)
		if len(f.scaled()) != 2 || f.scaled()[1] != 1 {
			t.Errorf("a request waits and no instance runs: scaled %v", f.scaled())
		}
		f.steering <- notice.Steering{Target: 2}
		synctest.Wait()
		if got := board.Snapshot().Target; got != 2 {
			t.Errorf("target %d after the take-over, want 2", got)
		}
	})
}
