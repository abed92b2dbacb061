package fastpath

import "github.com/dynlb/dynlb/internal/registry"

// claim claims an instance that is ready, and waits for it if need be.
func (x *exchange) claim() {
	pool := x.loop.engine.options.Registry
	lease, err := pool.Try(x.waiter.Preference)
	if err == nil && !lease.Valid() {
		lease, err = pool.Enter(&x.waiter)
	}
	switch {
	case err != nil:
		x.fail(err)
	case lease.Valid():
		x.lease = lease
		x.attempt()
	default:
		x.queue()
	}
}

// queue waits for an instance, as long as a request may.
func (x *exchange) queue() {
	x.queued = true
	limit := int64(x.loop.engine.options.Registry.QueueTimeout())
	if limit <= 0 {
		x.leaveQueue()
		return
	}
	x.loop.wheel.set(&x.timer, x.loop.now+limit)
}

// expired is called when the exchange has waited long enough.
func (x *exchange) expired() {
	defer x.loop.rescue(x.client, x, nil)
	if x.attempts.Checking() {
		x.askDead()
		return
	}
	x.leaveQueue()
}

// leaveQueue ends the waiting. The exchange may have been given an instance at
// the last moment; then it takes that.
func (x *exchange) leaveQueue() {
	if x.loop.engine.options.Registry.Leave(&x.waiter) {
		x.queued = false
		x.fail(registry.ErrQueueTimeout)
	}
}

// granted is called when the registry has decided.
func (x *exchange) granted(lease registry.Lease, err error) {
	defer x.loop.rescue(x.client, x, nil)
	x.queued = false
	x.timer.clear()
	switch {
	case x.gone:
		lease.Release()
		x.recycle()
	case err != nil:
		x.fail(err)
	default:
		x.lease = lease
		x.attempt()
	}
}

// claimAnother gives the claim up for one on another instance, or if there is
// none at once, on any.
func (x *exchange) claimAnother() {
	lease, err := x.lease.Another(x.waiter.Preference)
	x.lease.Release()
	x.lease = lease
	switch {
	case err != nil:
		x.fail(err)
	case lease.Valid():
		x.attempt()
	default:
		x.claim()
	}
}
