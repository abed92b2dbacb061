package registry

import (
	"errors"
	"time"
)

// ErrOverloaded reports that more requests arrive than the instances respond to, so that
// those which arrived last are served first.
var ErrOverloaded = errors.New("more requests arrive than the instances respond to")

// RefusedError says that a request is refused because there is no instance for it.
type RefusedError struct {
	// Cause is ErrQueueFull, ErrQueueTimeout or ErrOverloaded.
	Cause error
	// RetryAfter is how long the instances will need until they have taken the requests
	// that wait. Zero: that is not known.
	RetryAfter time.Duration
}

// Error returns the cause.
func (e *RefusedError) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *RefusedError) Unwrap() error { return e.Cause }

// minStand and standPerPace are the wait, in time and in responses of one instance, from
// which on the queue may stand. CoDel's 5 ms for 100 ms would take chance for overload:
// with exponential service times on 8 instances at a utilization of 0.9, requests wait
// for longer than 100 ms in 1 of 7 cases, for longer than 500 ms in 1 of 4,000.
const (
	minStand     = 500 * time.Millisecond
	standPerPace = 10
)

// SetGrowth sets whether there can be more instances than now. As long as there can, or
// some are starting, requests wait for these, first come, first served.
func (r *Registry) SetGrowth(possible bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mayGrow = possible
}

// Late returns the error of a request whose time in the queue is over.
func (r *Registry) Late() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refusedLocked(ErrQueueTimeout)
}

// refusedLocked returns the error of a request that gets no instance.
func (r *Registry) refusedLocked(cause error) error {
	e := &RefusedError{Cause: r.pausedLocked(cause)}
	if n := r.queue.size; n > 0 && !r.paused && len(r.candidates) > 0 {
		for _, in := range r.candidates {
			n += int(max(0, in.traffic.inFlight-r.limit))
		}
		e.RetryAfter = r.queue.flow.drain(n)
	}
	return e
}

// standsLocked reports whether the queue stands: the first request has waited for long,
// more requests arrive than the instances take or clients leave, and there will not be
// more instances. It stands until the first request has waited for less than a window of
// the flow.
func (r *Registry) standsLocked(now time.Duration) bool {
	q := &r.queue
	if r.paused {
		return false
	}
	q.stands = q.size > 0 && len(r.candidates) > 0 &&
		(q.flow.leaving() || q.flow.exceeds() && !r.learned.untried()) &&
		now-q.head.since >= r.standAfterLocked() && // after what costs less: most queues do not stand
		(!r.mayGrow && !r.startingLocked() || q.flow.drain(q.size) > r.options.QueueTimeout)
	return q.stands
}

// standAfterLocked returns the wait of the first request from which on the queue stands. A
// queue that stands does so until that wait is shorter.
func (r *Registry) standAfterLocked() time.Duration {
	q, window := &r.queue, r.flowWindowLocked()
	if q.stands {
		return window
	}
	standing := min(max(minStand, standPerPace*r.learned.pace()), r.options.QueueTimeout/2)
	if q.flow.leaving() && q.flow.patience > 0 {
		standing = min(standing, max(window, q.flow.patience/2))
	}
	return standing
}

// flowWindowLocked returns the shortest window of the flow.
func (r *Registry) flowWindowLocked() time.Duration {
	return max(minWindow, windowPerPace*r.learned.pace())
}

// joinLocked puts w into the queue, and reports whether there was room. While the queue
// stands, the first request leaves it. One that yields leaves a full one.
func (r *Registry) joinLocked(w *Waiter) bool {
	q, now := &r.queue, r.elapsed()
	if q.size == 0 {
		q.flow, q.stands = flow{began: now}, false
	}
	q.flow.arrived++
	if now-q.flow.began >= minWindow { // else it is no window whatever the pace is
		q.flow.roll(now, r.flowWindowLocked())
	}
	if !r.refuseOldestLocked(now) && r.queueFullLocked() {
		w := q.yielding
		if w == nil {
			return false
		}
		err := r.refusedLocked(ErrQueueFull)
		q.remove(w)
		w.Grant(Lease{}, err)
	}
	w.since = now
	q.push(w)
	return true
}

// refuseOldestLocked refuses the first request if the queue stands, and reports whether
// it has.
func (r *Registry) refuseOldestLocked(now time.Duration) bool {
	if !r.standsLocked(now) {
		return false
	}
	err := r.refusedLocked(ErrOverloaded)
	w := r.queue.first()
	r.queue.remove(w)
	w.Grant(Lease{}, err)
	return true
}

// nextLocked returns the request that gets the next free place: the first one, or the
// newest one while the queue stands.
func (r *Registry) nextLocked(now time.Duration) *Waiter {
	if r.standsLocked(now) {
		return r.queue.newest()
	}
	return r.queue.head
}
