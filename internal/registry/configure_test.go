package registry

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestConfigure: a higher cap is for waiting requests at once, and a lower limit of
// the queue removes none of them.
func TestConfigure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		before := Options{MaxConcurrency: 1, QueueLimit: 3, QueueTimeout: time.Minute}
		r := New(before)
		add(t, r, Ready)
		acquire(t, r)
		one, two, three := waitIn(t.Context(), r), waitIn(t.Context(), r), waitIn(t.Context(), r)
		r.Configure(Options{MaxConcurrency: 2, QueueLimit: 1, QueueTimeout: time.Second})
		if g := <-one; g.err != nil {
			t.Fatal(g.err)
		}
		if got := r.Waiting(); got != 2 {
			t.Errorf("%d wait, want 2", got)
		}
		next := &Waiter{}
		if _, err := r.Enqueue(next); !errors.Is(err, ErrQueueFull) {
			t.Errorf("one more: %v", err)
		}
		if next.Timeout != time.Second {
			t.Errorf("the next may wait %v", next.Timeout)
		}
		start := time.Now()
		if g := <-two; !errors.Is(g.err, ErrQueueTimeout) || time.Since(start) != time.Minute {
			t.Errorf("%v after %v, want the timeout that it began with", g.err, time.Since(start))
		}
		<-three
		r.Configure(Options{MaxConcurrency: 1})
		if _, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrQueueFull) {
			t.Errorf("with a lower cap: %v", err)
		}
		r.Configure(Options{})
		acquire(t, r)
	})
}
