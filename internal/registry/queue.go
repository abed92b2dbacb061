package registry

import (
	"context"
	"errors"
	"time"
)

// Why a request got no instance.
var (
	// ErrQueueFull says that too many requests wait already.
	ErrQueueFull = errors.New("no instance is free and the queue is full")
	// ErrQueueTimeout says that no instance became free in time.
	ErrQueueTimeout = errors.New("no instance became free in time")
	// ErrClosed says that the load balancer is shutting down.
	ErrClosed = errors.New("shutting down")
)

// waiter is one request in the queue.
type waiter struct {
	done       chan grant // capacity 1; gets exactly one grant, unless removed
	prev, next *waiter
	queued     bool
}

// grant is what a waiter waits for.
type grant struct {
	lease Lease
	err   error
}

// queue holds waiters, first come first served. While it holds any, no ready
// instance has a free place: whatever frees one calls dispatchLocked.
type queue struct {
	head, tail *waiter
	size       int
}

// Acquire claims the least loaded ready instance, and counts the request with
// it. When there is none it waits its turn, until ctx ends (its error is
// returned), the queue's time is up (ErrQueueTimeout), or Close (ErrClosed); it
// does not wait when the queue is full (ErrQueueFull). The caller must Release
// the lease.
func (r *Registry) Acquire(ctx context.Context) (Lease, error) {
	r.mu.Lock()
	lease, err := r.tryLocked()
	if err != nil || lease.Valid() {
		r.mu.Unlock()
		return lease, err
	}
	if r.queue.size >= r.options.QueueLimit {
		r.mu.Unlock()
		return Lease{}, ErrQueueFull
	}
	w := &waiter{done: make(chan grant, 1)}
	r.queue.push(w)
	if r.queue.size == 1 {
		r.notifyLocked() // someone waits: a pool scaled to zero has to start
	}
	r.mu.Unlock()
	return r.wait(ctx, w)
}

// tryLocked claims an instance if one is free.
func (r *Registry) tryLocked() (Lease, error) {
	if r.closed {
		return Lease{}, ErrClosed
	}
	if r.queue.size > 0 {
		return Lease{}, nil
	}
	if in := r.pickLocked(); in != nil {
		return in.leaseLocked(), nil
	}
	return Lease{}, nil
}

func (r *Registry) wait(ctx context.Context, w *waiter) (Lease, error) {
	timer := time.NewTimer(r.options.QueueTimeout)
	defer timer.Stop()
	var cause error
	select {
	case g := <-w.done:
		return g.lease, g.err
	case <-ctx.Done():
		cause = ctx.Err()
	case <-timer.C:
		cause = ErrQueueTimeout
	}
	r.mu.Lock()
	removed := r.queue.remove(w)
	r.mu.Unlock()
	if removed {
		return Lease{}, cause
	}
	g := <-w.done // granted at the last moment
	if g.err == nil && ctx.Err() != nil {
		g.lease.Release()
		return Lease{}, ctx.Err()
	}
	return g.lease, g.err
}

// dispatchLocked gives free places to those who wait, in their order. Call it
// whenever a place may have become free.
func (r *Registry) dispatchLocked() {
	for r.queue.size > 0 {
		in := r.pickLocked()
		if in == nil {
			return
		}
		r.queue.pop().done <- grant{lease: in.leaseLocked()}
	}
}

func (q *queue) push(w *waiter) {
	w.queued = true
	w.prev = q.tail
	if q.tail == nil {
		q.head = w
	} else {
		q.tail.next = w
	}
	q.tail = w
	q.size++
}

// pop takes the first waiter, or nil.
func (q *queue) pop() *waiter {
	w := q.head
	if w != nil {
		q.remove(w)
	}
	return w
}

// remove takes w out, and reports whether it was in.
func (q *queue) remove(w *waiter) bool {
	if !w.queued {
		return false
	}
	if w.prev == nil {
		q.head = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		q.tail = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next, w.queued = nil, nil, false
	q.size--
	return true
}
