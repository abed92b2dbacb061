package registry

import (
	"context"
	"errors"
	"math"
	"time"
)

// Why a request got no instance.
var (
	// ErrQueueFull reports that QueueLimit requests wait already.
	ErrQueueFull = errors.New("no instance is free and the queue is full")
	// ErrQueueTimeout reports that no instance became free in time.
	ErrQueueTimeout = errors.New("no instance became free in time")
	// ErrNoStart reports that no instance can be started; see SetHopeless.
	ErrNoStart = errors.New("no instance can be started")
	// ErrClosed reports that dynlb is shutting down.
	ErrClosed = errors.New("shutting down")
)

// Waiter is the place of a request in the queue, for callers that do not wait in a
// goroutine. It may be used again when it is not in the queue.
type Waiter struct {
	// Preference is the request's. It must not change while the Waiter is in the
	// queue.
	Preference Preference
	// Grant gets the lease, or the error, of a Waiter that Enqueue has put into the queue.
	// It is called once for each such Enqueue, unless Dequeue returns true. The registry
	// is locked during the call, so Grant must not block and must not use it.
	Grant func(Lease, error)
	// Timeout is how long the request may wait. Enqueue sets it.
	Timeout time.Duration

	prev, next *Waiter
	queued     bool
	yields     bool          // see Yield
	since      time.Duration // when it was queued, since Registry.base
}

// queue holds waiters, first come, first served, and behind them those that yield. While it holds any, no candidate is
// below the cap, or what is free is for siblings: every change that frees a place calls dispatchLocked.
type queue struct {
	head, tail *Waiter
	yielding   *Waiter // the first one that yields; nil: none does
	size       int
	flow       flow
	stands     bool // see Registry.standsLocked
}

// Acquire claims the ready instance that suits p best, and counts the request at it.
// Without a free instance it waits, first come, first served, until ctx ends (and
// returns its error), QueueTimeout is over (ErrQueueTimeout), or Close is called
// (ErrClosed). When the queue is full it does not wait (ErrQueueFull). The caller
// must release the lease.
func (r *Registry) Acquire(ctx context.Context, p Preference) (Lease, error) {
	lease, err := r.Try(p)
	if err != nil || lease.Valid() {
		return lease, err
	}
	done := make(chan grant, 1)
	w := &Waiter{Preference: p, Grant: func(lease Lease, err error) { done <- grant{lease, err} }}
	if lease, err := r.Enqueue(w); err != nil || lease.Valid() {
		return lease, err
	}
	return r.wait(ctx, w, done)
}

// Try is Acquire without waiting: without a free instance it returns the zero Lease.
func (r *Registry) Try(p Preference) (Lease, error) {
	r.mu.Lock()
	lease, err := r.tryLocked(&p)
	r.mu.Unlock() // without defer, as in Release: it takes 2 ns of 50
	return lease, err
}

// Enqueue is Acquire for callers that do not wait in a goroutine: without a free
// instance it returns the zero Lease and puts w into the queue. The caller measures
// Waiter.Timeout and calls Dequeue when it is over.
func (r *Registry) Enqueue(w *Waiter) (Lease, error) {
	r.mu.Lock()
	lease, err := r.tryLocked(&w.Preference)
	if err == nil && !lease.Valid() {
		err = r.enqueueLocked(w)
	}
	r.mu.Unlock()
	return lease, err
}

// enqueueLocked puts w into the queue.
func (r *Registry) enqueueLocked(w *Waiter) error {
	r.arrivals++
	if r.hopeless && len(r.candidates) == 0 {
		return ErrNoStart
	}
	w.Timeout = r.options.QueueTimeout
	if !r.joinLocked(w) {
		return r.refusedLocked(ErrQueueFull)
	}
	if r.queue.size == 1 {
		r.changedLocked() // an app scaled to zero must start an instance
	}
	return nil
}

// Dequeue removes w from the queue, and reports whether it was there. If it was not,
// Grant has been called.
func (r *Registry) Dequeue(w *Waiter) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.queue.remove(w) {
		return false
	}
	if now := r.elapsed(); now-w.since < r.options.QueueTimeout {
		r.queue.flow.leave(now, w.since)
	}
	return true
}

// Yield has w wait behind the requests that do not yield, if it is in the queue, and be the
// first to leave a full one: its client has ended its output and may be gone.
func (r *Registry) Yield(w *Waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.yields || !r.queue.remove(w) {
		return
	}
	w.yields = true
	r.queue.push(w)
}

// tryLocked claims an instance if one is free and no request waits.
func (r *Registry) tryLocked(p *Preference) (Lease, error) {
	if r.closed {
		return Lease{}, ErrClosed
	}
	if r.queue.size > 0 || r.paused || r.yieldsLocked(math.MaxInt64) {
		return Lease{}, nil
	}
	if in := r.pickLocked(p, nil); in != nil {
		r.arrivals++
		return in.leaseLocked(p.Origin), nil
	}
	return Lease{}, nil
}

// grant is the argument of a call of Grant.
type grant struct {
	lease Lease
	err   error
}

// wait waits for the grant of w, which w sends to done, of capacity 1.
func (r *Registry) wait(ctx context.Context, w *Waiter, done <-chan grant) (Lease, error) {
	timer := time.NewTimer(w.Timeout)
	defer timer.Stop()
	var cause error
	select {
	case g := <-done:
		return g.lease, g.err
	case <-ctx.Done():
		cause = ctx.Err()
	case <-timer.C:
		cause = r.Late()
	}
	if r.Dequeue(w) {
		return Lease{}, cause
	}
	g := <-done // it was granted just before
	if g.err == nil && ctx.Err() != nil {
		g.lease.Release()
		return Lease{}, ctx.Err()
	}
	return g.lease, g.err
}

// dispatchLocked gives free places to the requests that wait, in the order of
// nextLocked. Call
// it whenever a place may have become free.
func (r *Registry) dispatchLocked() {
	if r.queue.size == 0 || r.paused {
		return
	}
	now := r.elapsed()
	for r.queue.size > 0 && !r.yieldsLocked(r.queue.head.since) {
		w := r.nextLocked(now)
		in := r.pickLocked(&w.Preference, nil)
		if in == nil {
			return
		}
		r.queue.remove(w)
		lease := in.leaseLocked(w.Preference.Origin)
		in.slots[lease.slot].since = w.since
		w.Grant(lease, nil)
	}
}

// push appends w, before those that yield unless it does.
func (q *queue) push(w *Waiter) {
	w.queued = true
	if w.next = q.yielding; w.yields {
		w.next = nil
		if q.yielding == nil {
			q.yielding = w
		}
	}
	if w.next == nil {
		w.prev, q.tail = q.tail, w
	} else {
		w.prev, w.next.prev = w.next.prev, w
	}
	if w.prev == nil {
		q.head = w
	} else {
		w.prev.next = w
	}
	q.size++
}

// pop removes and returns the first waiter, or nil.
func (q *queue) pop() *Waiter {
	w := q.head
	if w != nil {
		q.remove(w)
	}
	return w
}

// newest returns the last waiter that does not yield, or the last one if all do.
func (q *queue) newest() *Waiter {
	if q.yielding == nil || q.yielding.prev == nil {
		return q.tail
	}
	return q.yielding.prev
}

// first returns the waiter that leaves first: one that yields, or the head.
func (q *queue) first() *Waiter {
	if q.yielding != nil {
		return q.yielding
	}
	return q.head
}

// remove removes w, and reports whether it was in the queue.
func (q *queue) remove(w *Waiter) bool {
	if !w.queued {
		return false
	}
	if q.yielding == w {
		q.yielding = w.next
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
	w.prev, w.next, w.queued, w.yields = nil, nil, false, false
	q.size--
	return true
}
