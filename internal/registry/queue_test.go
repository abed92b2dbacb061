package registry

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// waitIn makes a request that waits in the queue, and returns a channel for its
// result.
func waitIn(ctx context.Context, r *Registry) <-chan grant {
	done := make(chan grant, 1)
	go func() {
		lease, err := r.Acquire(ctx, Preference{})
		done <- grant{lease, err}
	}()
	synctest.Wait() // until it is in the queue
	return done
}

func TestQueueIsFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{MaxConcurrency: 1, QueueLimit: 3, QueueTimeout: time.Minute})
		add(t, r, Ready)
		lease := acquire(t, r)
		var waiting []<-chan grant
		for range 3 {
			waiting = append(waiting, waitIn(t.Context(), r))
		}
		if got := r.Waiting(); got != 3 {
			t.Fatalf("waiting %d, want 3", got)
		}
		if _, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrQueueFull) {
			t.Fatalf("beyond the limit: %v", err)
		}
		for i, w := range waiting {
			lease.Release()
			synctest.Wait()
			for _, later := range waiting[i+1:] {
				select {
				case <-later:
					t.Fatal("a request was served before an earlier one")
				default:
				}
			}
			g := <-w
			if g.err != nil {
				t.Fatal(g.err)
			}
			lease = g.lease
		}
	})
}

func TestQueueServesWhenAnInstanceBecomesReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{QueueLimit: 2, QueueTimeout: time.Minute})
		changed, stop := r.Watch()
		defer stop()
		one := waitIn(t.Context(), r)
		<-changed // the first waiting request is announced
		two := waitIn(t.Context(), r)
		id := add(t, r, Ready)
		for _, w := range []<-chan grant{one, two} {
			if g := <-w; g.err != nil || g.lease.ID() != id {
				t.Errorf("got %+v", g)
			}
		}
	})
}

func TestQueueTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{QueueLimit: 1, QueueTimeout: 10 * time.Second})
		start := time.Now()
		g := <-waitIn(t.Context(), r)
		if !errors.Is(g.err, ErrQueueTimeout) || time.Since(start) != 10*time.Second {
			t.Errorf("%v after %v", g.err, time.Since(start))
		}
		if r.Waiting() != 0 {
			t.Error("it is still in the queue")
		}
	})
}

func TestQueueEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{QueueLimit: 1, QueueTimeout: time.Minute})
		ctx, cancel := context.WithCancel(t.Context())
		w := waitIn(ctx, r)
		cancel()
		if g := <-w; !errors.Is(g.err, context.Canceled) {
			t.Errorf("got %+v", g)
		}
		id := add(t, r, Ready)
		if got := snapshotOf(t, r, id).Total; got != 0 {
			t.Errorf("%d requests were counted for a client that left", got)
		}
	})
}

func TestCloseEndsTheQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := New(Options{QueueLimit: 2, QueueTimeout: time.Minute})
		one, two := waitIn(t.Context(), r), waitIn(t.Context(), r)
		r.Close()
		for _, w := range []<-chan grant{one, two} {
			if g := <-w; !errors.Is(g.err, ErrClosed) {
				t.Errorf("got %+v", g)
			}
		}
		add(t, r, Ready)
		if _, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}
