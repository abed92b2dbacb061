package registry

import (
	"slices"
	"time"
)

const (
	// sameDeath is how close together the connections of an instance break when it
	// dies. The kernel closes them within a millisecond; a busy machine takes longer
	// to notice.
	sameDeath = 100 * time.Millisecond
	// deathKnown is how long after that the end of the instance may be reported. The
	// kernel may write a core dump first.
	deathKnown = time.Second
	// maxNamed is how many requests are named as those that an instance had when it
	// ended. One is usual.
	maxNamed = 4
)

// Ending is how an instance ended.
type Ending struct {
	// Reason is for people: "exit status 1".
	Reason string
	// Own tells that the instance ended by itself: it exited, crashed, or ran out of
	// memory. A request may be the reason. An instance that is killed from outside is
	// not ended by its requests.
	Own bool
}

// breaks are the connections of an instance that broke together.
type breaks struct {
	last     time.Duration // when the last one broke, since Registry.base
	count    int32
	inFlight int32    // how many requests the instance had, at least
	named    []string // the first of the requests that had no response
	cut      []string // the first of those whose response had begun
}

// Casualties are the requests that an instance had when it ended.
type Casualties struct {
	// InFlight is how many there were.
	InFlight int
	// Named are the first of them, such as "GET /orders". Those that had no response
	// come before those whose response was cut off.
	Named []string
	// Pending is how many requests have not noticed yet that the instance ended.
	// Streams do not count.
	Pending int
}

// Broke reports that the connection to the instance broke before the request, which
// has this method and path, had a whole response. If the instance has ended, the
// request may be the reason; see Culprit.
func (l Lease) Broke(method, path string) {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &l.in.slots[l.slot]
	if s.turn != l.turn {
		return
	}
	b, now := &l.in.breaks, r.elapsed()
	if now-b.last > sameDeath {
		*b = breaks{}
	}
	b.last = now
	b.count++
	b.inFlight = max(b.inFlight, b.count, l.in.traffic.inFlight)
	names := &b.named
	if s.responded {
		names = &b.cut
	}
	if len(*names) < maxNamed {
		*names = append(*names, method+" "+path)
	}
	s.broke, s.alone = true, b.inFlight == 1
}

// Ended returns a channel that is closed when the fleet has reported how the instance
// ended. It is nil, and so never closed, for the zero Lease.
func (l Lease) Ended() <-chan struct{} {
	if l.in == nil {
		return nil
	}
	return l.in.ended
}

// Culprit reports whether the request is the reason why the instance ended, as far
// as is known, and how it ended: the instance ended by itself, and had no other
// request when the connection broke (see Broke). Such a request must not be sent to
// another instance, which it would end too.
func (l Lease) Culprit() (exit string, culprit bool) {
	if l.in == nil {
		return "", false
	}
	l.in.registry.mu.Lock()
	defer l.in.registry.mu.Unlock()
	s := &l.in.slots[l.slot]
	return l.in.ending.Reason, l.in.ending.Own && s.turn == l.turn && s.alone
}

// StoppedByFleet reports whether the instance has ended because the fleet stopped it.
func (l Lease) StoppedByFleet() bool {
	if l.in == nil {
		return false
	}
	l.in.registry.mu.Lock()
	defer l.in.registry.mu.Unlock()
	return l.in.fleetStopped
}

// Ended reports how an instance ended. It gets no more requests; Transition to
// Stopped must follow. It fails with ErrUnknownInstance.
func (r *Registry) Ended(id ID, ending Ending) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	in.endLocked(ending)
	r.updateCandidatesLocked()
	return nil
}

// Casualties returns the requests that an instance had when it ended. Call it soon
// after Ended. It is the zero value for an unknown instance.
func (r *Registry) Casualties(id ID) Casualties {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return Casualties{}
	}
	var c Casualties
	if b := &in.breaks; b.count > 0 && r.elapsed()-b.last <= deathKnown {
		c.InFlight, c.Named = int(b.inFlight), slices.Concat(b.named, b.cut)
		c.Named = c.Named[:min(len(c.Named), maxNamed)]
	}
	for i := range in.slots {
		if s := &in.slots[i]; s.held && !s.stream && !s.broke {
			c.Pending++
		}
	}
	return c
}

// endLocked notes how in ended.
func (in *instance) endLocked(ending Ending) {
	if in.hasEnded() {
		return
	}
	in.ending = ending
	close(in.ended)
	in.markDeadLocked()
}

// hasEnded reports whether the fleet has reported the end of in.
func (in *instance) hasEnded() bool {
	select {
	case <-in.ended:
		return true
	default:
		return false
	}
}
