package fast

import (
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
)

// claim claims an instance that is ready, and waits for it if need be.
func (r *request) claim() {
	lease, err := r.app.Registry().Enqueue(&r.waiter)
	switch {
	case err != nil:
		r.fail(err)
	case lease.Valid():
		r.claimed(lease)
		r.tryInstance()
	default:
		r.queue()
	}
}

// claimed notes the claim on an instance.
func (r *request) claimed(lease registry.Lease) {
	r.lease = lease
	if r.attempts.Claims() == 0 {
		r.attempts = policy.Begin(string(r.outcome.Method), r.hasContent, r.app.Registry())
	}
}

// leftQueue notes that the request has left the queue.
func (r *request) leftQueue() {
	r.attempt = attemptNone
	r.outcome.Queued += r.worker.since(r.queuedAt)
}

// queue waits for an instance, until the queue's timeout.
func (r *request) queue() {
	r.attempt, r.queuedAt = attemptQueued, r.worker.loop.Now()
	r.yield()
	limit := r.waiter.Timeout
	if limit <= 0 {
		r.leaveQueue()
		return
	}
	r.worker.loop.SetTimer(&r.timer, r.queuedAt+int64(limit))
}

// yield has the request wait behind others if its client has ended its output: it may be
// gone. A client of HTTP/2 says so by RST_STREAM.
func (r *request) yield() {
	if r.attempt == attemptQueued && r.client.stream == nil && r.client.Ended() {
		r.app.Registry().Yield(&r.waiter)
	}
}

// Expired is called when the request's time in the queue is up, when its content has
// not arrived, at each tick while it waits to see whether its instance is dead,
// and to dial again.
func (r *request) Expired() {
	defer r.worker.rescue(nil, r, nil)
	switch r.attempt {
	case attemptFilling:
		r.fillLate()
	case attemptChecking:
		r.askEnded()
	case attemptConnecting:
		r.connect(connecting)
	default:
		r.leaveQueue()
	}
}

// leaveQueue ends the waiting. If the registry gave the request an instance at the
// last moment, the request takes it: Run follows.
func (r *request) leaveQueue() {
	if r.app.Registry().Dequeue(&r.waiter) {
		r.leftQueue()
		r.fail(r.app.Registry().Late())
	}
}

// Run takes the grant that the registry gave to the waiting request.
func (r *request) Run() {
	defer r.worker.rescue(nil, r, nil)
	given := r.granted
	r.granted = grant{}
	r.timer.Clear()
	switch {
	case r.attempt == attemptAbandoned:
		given.lease.Release()
		r.recycle()
	case given.err != nil:
		r.leftQueue()
		r.fail(given.err)
	default:
		r.leftQueue()
		r.claimed(given.lease)
		r.tryInstance()
	}
}

// claimAnother exchanges the claim for one on another instance. If no other instance
// is free, it waits for any instance.
func (r *request) claimAnother() {
	lease, err := r.lease.Another(r.waiter.Preference)
	r.lease.Release()
	r.lease = lease
	switch {
	case err != nil:
		r.attempt = attemptNone
		r.fail(err)
	case lease.Valid():
		r.tryInstance()
	default:
		r.attempt = attemptNone
		r.claim()
	}
}
