package registry

import (
	"math"
	"time"
)

// Lease is the claim of one request on one instance. The request counts as in flight
// from the claim until Release. The zero value is no claim: its methods do nothing,
// and its Endpoint is empty. A Lease may be copied; all copies are the same claim.
// Its methods are safe for concurrent use.
type Lease struct {
	in   *instance
	slot int32
	turn uint32
}

// slot is one place among the requests in flight of an instance. Every release
// increments turn, so only the first release of a lease and its copies counts.
type slot struct {
	turn      uint32
	next      int32         // next free slot, -1 at the end
	claim     uint64        // number of the claim among those on the instance, from 1
	origin    Origin        // of the request
	responded bool          // whether the claim had a response
	held      bool          // the claim has not been released
	broke     bool          // see Lease.Broke
	alone     bool          // it broke, and the instance had no other request
	stream    bool          // see Lease.Stream
	streamAt  time.Duration // when that was reported, since Registry.base
	failed    bool          // because of the instance
	level     int32         // requests that the instance worked on at the claim, with this one
	since     time.Duration // when it began to wait in the queue, since Registry.base; 0: it has not waited
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

// Endpoint returns where the instance is reached. It takes no lock.
func (l Lease) Endpoint() Endpoint {
	if l.in == nil {
		return Endpoint{}
	}
	return *l.in.endpoint.Load()
}

// ConnRefused reports that the instance refused a connection: nothing listens on its
// port. The instance gets no more requests until it is ready again, and the refusal
// counts like Failed.
func (l Lease) ConnRefused() {
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
	now := r.elapsed()
	l.failedLocked(now)
	r.brokeLocked(l.in, Origin{}, now, reason)
	l.in.markDeadLocked()
	_ = r.transitionLocked(l.in, Unhealthy, reason) // cannot fail from Ready
	r.suspectLocked(l.in)
}

// suspectLocked has the fleet check an instance at once.
func (r *Registry) suspectLocked(in *instance) {
	select {
	case r.suspects <- in.id:
	default:
	}
}

// originLocked returns the origin of the request, or the zero Origin after Release.
func (l Lease) originLocked() Origin {
	if s := &l.in.slots[l.slot]; s.turn == l.turn {
		return s.origin
	}
	return Origin{}
}

// Dead returns a channel that is closed when the instance is gone or refuses
// connections. It is nil, and so never closed, for the zero Lease.
func (l Lease) Dead() <-chan struct{} {
	if l.in == nil {
		return nil
	}
	l.in.registry.mu.Lock()
	defer l.in.registry.mu.Unlock()
	return l.in.dead
}

// markDeadLocked closes dead.
func (in *instance) markDeadLocked() {
	if !in.isDead() {
		close(in.dead)
	}
}

// isDead reports whether dead is closed. The caller holds the registry's lock.
func (in *instance) isDead() bool {
	select {
	case <-in.dead:
		return true
	default:
		return false
	}
}

// Another claims an instance other than that of l, for a request that failed on it.
// It does not wait: without a free instance it returns the zero Lease. The claim l
// stays.
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
	if r.paused {
		return Lease{}, nil
	}
	if other := r.pickLocked(&p, l.in); other != nil {
		return other.leaseLocked(p.Origin), nil
	}
	return Lease{}, nil
}

// Release ends the claim. Further calls, also on copies, have no effect.
func (l Lease) Release() {
	if l.in == nil {
		return
	}
	l.in.registry.mu.Lock()
	l.releaseLocked(0)
	l.in.registry.mu.Unlock()
}

// releaseLocked is Release at the time now, or 0 if that has not been read.
func (l Lease) releaseLocked(now time.Duration) {
	if r := l.in.registry; l.in.releaseLocked(l.slot, l.turn, now) && r.queue.size > 0 {
		r.queue.flow.ended++
		r.dispatchLocked()
	}
}

// leaseLocked adds a request in flight, from origin o, and returns its lease.
func (in *instance) leaseLocked(o Origin) Lease {
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
	*s = slot{turn: s.turn, claim: in.traffic.total, origin: o, level: in.traffic.working(), held: true}
	in.registry.weighedLocked(in)
	return Lease{in: in, slot: at, turn: s.turn}
}

// releaseLocked removes a request in flight at the time now, or 0 if that has not been
// read. It reports whether the claim had not been released before.
func (in *instance) releaseLocked(at int32, turn uint32, now time.Duration) bool {
	s := &in.slots[at]
	if s.turn != turn {
		return false
	}
	s.turn++
	s.held = false
	if len(in.registry.split.staged) > 0 {
		in.registry.sampleLocked(in).count(s.responded, s.failed)
	}
	s.next, in.free = in.free, at
	in.traffic.inFlight--
	if s.stream {
		in.traffic.streams--
	}
	in.registry.weighedLocked(in)
	idle := in.traffic.inFlight == 0
	if s.responded && !idle {
		return true
	}
	if now == 0 {
		now = in.registry.elapsed()
	}
	if !s.responded {
		in.traffic.abandoned = now
		r := in.registry
		r.queue.flow.leave(now, s.since)
		r.unlearnedLocked(now)
	}
	if idle {
		in.idleLocked(now)
	}
	return true
}

// idleLocked notes that no request is in flight any more.
func (in *instance) idleLocked(now time.Duration) {
	in.traffic.idleSince = now
	if in.about.state != Draining {
		return
	}
	select {
	case <-in.drained: // another process has sent it requests since then
	default:
		close(in.drained)
	}
}
