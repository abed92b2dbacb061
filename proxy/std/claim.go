package std

import (
	"context"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// grant is what the registry gives to a request in the queue.
type grant struct {
	lease registry.Lease
	err   error
}

// claim claims an instance. It waits in the queue if none is free.
func (x *exchange) claim() error {
	lease, err := x.app.Registry().Try(x.preference)
	if err == nil && !lease.Valid() {
		began := time.Now()
		lease, err = x.queue()
		x.outcome.Queued += time.Since(began)
	}
	x.lease = lease
	return err
}

// claimAnother replaces the claim with one on another instance. If no other instance is
// free, it waits for any instance.
func (x *exchange) claimAnother() error {
	lease, err := x.lease.Another(x.preference)
	x.lease.Release()
	if err == nil && !lease.Valid() {
		return x.claim()
	}
	x.lease = lease
	return err
}

// queue waits in the queue of the registry.
func (x *exchange) queue() (registry.Lease, error) {
	pool := x.app.Registry()
	granted := make(chan grant, 1)
	waiter := &registry.Waiter{
		Preference: x.preference,
		Grant:      func(lease registry.Lease, err error) { granted <- grant{lease, err} },
	}
	if lease, err := pool.Enqueue(waiter); err != nil || lease.Valid() {
		return lease, err
	}
	if c, ok := x.client.(*conn); ok {
		c.waits(waiter)
		defer c.waits(nil)
	}
	err := x.await(granted, x.lane.clock.limit(waiter.Timeout))
	if err != nil && pool.Dequeue(waiter) {
		return registry.Lease{}, err
	}
	g := <-granted
	if err := x.cause(nil); err != nil {
		g.lease.Release()
		return registry.Lease{}, err
	}
	return g.lease, g.err
}

// await returns nil when there is a value in granted, and leaves it there.
func (x *exchange) await(granted chan grant, limit limit) error {
	timer := time.NewTimer(limit.time)
	defer timer.Stop()
	for {
		select {
		case g := <-granted:
			granted <- g
			return nil
		case <-x.wakeup:
			return x.cause(context.Canceled)
		case <-timer.C:
			next, ok := limit.extend()
			if !ok {
				return x.app.Registry().Late()
			}
			timer.Reset(time.Until(next))
		}
	}
}
