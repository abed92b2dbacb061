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

// Waiter is a request's place in the queue, for callers that cannot spare a
// goroutine to wait in. It may be used again when it is not in the queue.
type Waiter struct {
	// Preference is the request's. It must not change while the Waiter is in the
	// queue.
	Preference Preference
	// Grant is called once for each time that the Waiter entered the queue, unless
	// Leave reports true: with a lease, or with ErrClosed. The registry is locked
	// meanwhile, so Grant must neither block nor use it.
	Grant func(Lease, error)

	prev, next *Waiter
	queued     bool
}

// queue holds waiters, first come first served. While it holds any, no ready
// instance has a free place: whatever frees one calls dispatchLocked.
type queue struct {
	head, tail *Waiter
	size       int
}

// Acquire claims the ready instance that suits p best, and counts the request
// with it. When there is none it waits its turn, until ctx ends (its error is
// returned), the queue's time is up (ErrQueueTimeout), or Close (ErrClosed); it
// does not wait when the queue is full (ErrQueueFull). The caller must Release
// the lease.
func (r *Registry) Acquire(ctx context.Context, p Preference) (Lease, error) {
	lease, err := r.Try(p)
	if err != nil || lease.Valid() {
		return lease, err
	}
	done := make(chan grant, 1)
	w := &Waiter{Preference: p, Grant: func(lease Lease, err error) { done <- grant{lease, err} }}
	if lease, err := r.Enter(w); err != nil || lease.Valid() {
		return lease, err
	}
	return r.wait(ctx, w, done)
}

// Try is Acquire for who does not want to wait: when there is no instance, it
// returns the zero Lease.
func (r *Registry) Try(p Preference) (Lease, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.tryLocked(&p)
}

// Enter is Acquire for who waits without a goroutine: when there is no instance
// it returns the zero Lease, and w is in the queue. Whoever called it sees to the
// time (see QueueTimeout), and calls Leave when it is up.
func (r *Registry) Enter(w *Waiter) (Lease, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	lease, err := r.tryLocked(&w.Preference)
	if err != nil || lease.Valid() {
		return lease, err
	}
	if r.queue.size >= r.options.QueueLimit {
		return Lease{}, ErrQueueFull
	}
	r.queue.push(w)
	if r.queue.size == 1 {
		r.changedLocked() // an app scaled to zero must start an instance
	}
	return Lease{}, nil
}

// Leave takes w out of the queue, and reports whether it was in. If not, Grant
// was called.
func (r *Registry) Leave(w *Waiter) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.remove(w)
}

// QueueTimeout is how long a request may wait.
func (r *Registry) QueueTimeout() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.options.QueueTimeout
}

// tryLocked claims an instance if one is free.
func (r *Registry) tryLocked(p *Preference) (Lease, error) {
	if r.closed {
		return Lease{}, ErrClosed
	}
	if r.queue.size > 0 {
		return Lease{}, nil
	}
	if in := r.pickLocked(p, nil); in != nil {
		return in.leaseLocked(), nil
	}
	return Lease{}, nil
}

// grant is what Acquire waits for.
type grant struct {
	lease Lease
	err   error
}

// wait waits for what done, of capacity 1, gets from w.
func (r *Registry) wait(ctx context.Context, w *Waiter, done <-chan grant) (Lease, error) {
	timer := time.NewTimer(r.QueueTimeout())
	defer timer.Stop()
	var cause error
	select {
	case g := <-done:
		return g.lease, g.err
	case <-ctx.Done():
		cause = ctx.Err()
	case <-timer.C:
		cause = ErrQueueTimeout
	}
	if r.Leave(w) {
		return Lease{}, cause
	}
	g := <-done // granted at the last moment
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
		in := r.pickLocked(&r.queue.head.Preference, nil)
		if in == nil {
			return
		}
		r.queue.pop().Grant(in.leaseLocked(), nil)
	}
}

func (q *queue) push(w *Waiter) {
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
func (q *queue) pop() *Waiter {
	w := q.head
	if w != nil {
		q.remove(w)
	}
	return w
}

// remove takes w out, and reports whether it was in.
func (q *queue) remove(w *Waiter) bool {
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
