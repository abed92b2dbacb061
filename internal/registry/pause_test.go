package registry

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestPause: requests wait while the registry is paused, within the limits of the queue,
// and are served in their order afterwards. What is under way goes on, but is not tried on
// another instance.
func TestPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{QueueLimit: 2, QueueTimeout: time.Minute})
		add(t, r, Ready)
		add(t, r, Ready)
		before := acquire(t, r)
		if !r.Pause() || r.Pause() || !r.Snapshot().Paused {
			t.Error("Pause does not report what it does")
		}
		if lease, err := before.Another(Preference{}); lease.Valid() || err != nil {
			t.Errorf("another instance: %v, %v", lease, err)
		}
		first, second := waitIn(t.Context(), r), waitIn(t.Context(), r)
		if _, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrQueueFull) || !errors.Is(err, ErrPaused) {
			t.Errorf("beyond the limit: %v", err)
		}
		add(t, r, Ready)
		before.Release()
		time.Sleep(30 * time.Second)
		if n := r.Waiting(); n != 2 {
			t.Errorf("%d requests wait, want 2", n)
		}
		if !r.Resume() || r.Resume() || r.Snapshot().Paused {
			t.Error("Resume does not report what it does")
		}
		for _, w := range []<-chan grant{first, second} {
			if g := <-w; g.err != nil {
				t.Error(g.err)
			}
		}
		acquire(t, r).Release()

		r.Pause()
		began := time.Now()
		if _, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrQueueTimeout) || !errors.Is(err, ErrPaused) {
			t.Errorf("after the timeout: %v", err)
		}
		if took := time.Since(began); took != time.Minute {
			t.Errorf("a request has waited for %v", took)
		}
		last := waitIn(t.Context(), r)
		r.Close()
		if g := <-last; !errors.Is(g.err, ErrClosed) {
			t.Errorf("closed while paused: %v", g.err)
		}
	})
}
