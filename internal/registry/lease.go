package registry

import (
	"math"
	"time"
)

// Lease is one request's claim on one instance, counted as in flight from the
// moment it is acquired until Release. The zero value is no claim: its methods
// do nothing, and its Endpoint is empty. A Lease may be copied; all copies are
// the same claim. Its methods are safe for concurrent use.
type Lease struct {
	in   *instance
	slot int32
	turn uint32
}

// slot is one place among an instance's requests in flight. Its turn goes up
// at every release, so that a lease is good for one release only, whichever of
// its copies asks for it.
type slot struct {
	turn      uint32
	next      int32  // next free slot, -1 at the end
	claim     uint64 // which claim on the instance this is, counted from 1
	responded bool   // the claim has had a response
}

// Valid reports whether l is a claim, released or not.
func (l Lease) Valid() bool { return l.in != nil }

// ID returns the instance's ID, or "".
func (l Lease) ID() ID {
	if l.in == nil {
		return ""
	}
	return l.in.id
}

// Endpoint returns where the instance is reached.
func (l Lease) Endpoint() Endpoint {
	if l.in == nil {
		return Endpoint{}
	}
	l.in.registry.mu.Lock()
	defer l.in.registry.mu.Unlock()
	return l.in.about.endpoint
}

// Refused reports that the instance refused a connection: nothing listens on
// its port. The instance gets no more requests until it is found ready again;
// besides, it counts as Failed does.
func (l Lease) Refused() {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if !l.in.about.state.Routable() {
		return
	}
	const reason = "refused a connection"
	now := time.Since(r.base)
	r.failLocked(l.in, now)
	r.brokeLocked(l.in, now, reason)
	l.in.dieLocked()
	_ = r.transitionLocked(l.in, Unhealthy, reason) // Ready may become Unhealthy
	select {
	case r.suspects <- l.in.id:
	default:
	}
}

// Dead returns a channel that is closed when the instance is gone, or nothing
// listens on its port. It is nil, and so never closed, for the zero Lease.
func (l Lease) Dead() <-chan struct{} {
	if l.in == nil {
		return nil
	}
	l.in.registry.mu.Lock()
	defer l.in.registry.mu.Unlock()
	return l.in.dead
}

// dieLocked closes dead.
func (in *instance) dieLocked() {
	if !in.isDead() {
		close(in.dead)
	}
}

// isDead reports whether dead is closed. The registry is locked.
func (in *instance) isDead() bool {
	select {
	case <-in.dead:
		return true
	default:
		return false
	}
}

// Another claims an instance other than l's, for a request that l's instance has
// failed. Like Try it does not wait: when there is none, it returns the zero
// Lease. l stays a claim.
func (l Lease) Another(p Preference) (Lease, error) {
	if l.in == nil {
		return Lease{}, nil
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return Lease{}, ErrClosed
	}
	if other := r.pickLocked(&p, l.in); other != nil {
		return other.leaseLocked(), nil
	}
	return Lease{}, nil
}

// Release ends the claim. Only the first call does; the others do nothing.
func (l Lease) Release() {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	if l.in.releaseLocked(l.slot, l.turn) {
		r.dispatchLocked()
	}
	r.mu.Unlock()
}

// leaseLocked counts one more request in flight.
func (in *instance) leaseLocked() Lease {
	at := in.free
	if at < 0 {
		at = int32(min(len(in.slots), math.MaxInt32))
		in.slots = append(in.slots, slot{next: -1})
	} else {
		in.free = in.slots[at].next
	}
	in.traffic.inFlight++
	in.traffic.total++
	s := &in.slots[at]
	s.claim, s.responded = in.traffic.total, false
	return Lease{in: in, slot: at, turn: s.turn}
}

// releaseLocked counts one request less, and reports whether the claim still
// stood.
func (in *instance) releaseLocked(at int32, turn uint32) bool {
	s := &in.slots[at]
	if s.turn != turn {
		return false
	}
	s.turn++
	s.next, in.free = in.free, at
	in.traffic.inFlight--
	if !s.responded {
		in.traffic.abandoned = time.Since(in.registry.base)
	}
	if in.traffic.inFlight == 0 {
		in.traffic.idleSince = time.Since(in.registry.base)
		if in.about.state == Draining {
			close(in.drained)
		}
	}
	return true
}
