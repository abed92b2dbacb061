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
	// streamWork is how long a stream counts as a request that its instance works on after
	// it began, or after its client last sent something. Most handlers of a message are
	// done, or have ended the instance, by then; a client that is idle sends a ping every
	// 20 s or so.
	streamWork = time.Second
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
	claims   uint64        // of the instance until then; a response to a later one clears these breaks
	count    int32
	inFlight int32    // how many requests the instance had, at least
	named    []string // the first of the requests that had no response
	cut      []string // the first of those whose response had begun
	quiet    int32    // streams beside these that had nothing to work on; see streamWork
	streams  []string // the first of these
}

// reply is a response whose end was the end of its connection.
type reply struct {
	name string
	at   time.Duration // of the end, since Registry.base
}

// Casualties are the requests that an instance had when it ended.
type Casualties struct {
	// InFlight is how many there were.
	InFlight int
	// Named are the first of them, such as "GET /orders". Those that had no response
	// come before those whose response was cut off.
	Named []string
	// Answered tells that there were none in flight, as far as is known, and that Named has
	// a request whose response had just ended with its connection, as it does when the
	// instance ends. Nothing shows whether that response was whole.
	Answered bool
	// Pending is how many requests have not noticed yet that the instance ended.
	// Streams count only if one of them had something to work on.
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
	l.in.breakLocked(s, method+" "+path, s.stream && r.elapsed()-s.streamAt > streamWork)
}

// TunnelEnded reports that the instance has ended its side of a tunnel, or that the
// connection broke. request names the request that opened the tunnel, such as "GET /ws", and
// silent is how long its client had sent nothing. A message of the client may be the reason
// if the instance has ended. Further calls have no effect.
func (l Lease) TunnelEnded(request string, silent time.Duration) {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &l.in.slots[l.slot]
	if s.turn != l.turn || s.broke {
		return
	}
	if silent > streamWork {
		s.broke = true
		return
	}
	l.in.breakLocked(s, request+" (tunnel)", false)
}

// AnsweredByEnd reports that the end of the connection was the end of the response, as it
// is in HTTP/1.0. The instance may have ended in the middle of it: a process that ends
// leaves the same end.
func (l Lease) AnsweredByEnd(method, path string) {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	l.in.lastReply = reply{method + " " + path, r.elapsed()}
}

// breakLocked notes that the connection of a request, or a stream, broke. quiet tells that it
// is a stream that had nothing to work on: it is no reason for the end of the instance, and
// no reason why another request is none.
func (in *instance) breakLocked(s *slot, name string, quiet bool) {
	b, now := &in.breaks, in.registry.elapsed()
	if now-b.last > sameDeath {
		*b = breaks{}
	}
	b.last, b.claims = now, in.traffic.total
	s.broke = true
	if quiet {
		b.quiet++
		appendName(&b.streams, name)
		return
	}
	b.count++
	atWork := in.traffic.working()
	if s.stream || in.streamsWork(now) {
		atWork++
	}
	b.inFlight = max(b.inFlight, b.count, atWork)
	if s.responded {
		appendName(&b.cut, name)
	} else {
		appendName(&b.named, name)
	}
	s.alone = b.inFlight == 1
}

// appendName adds a name unless there are enough.
func appendName(names *[]string, name string) {
	if len(*names) < maxNamed {
		*names = append(*names, name)
	}
}

// streamsWork reports whether a stream had something to work on at the given time.
func (in *instance) streamsWork(now time.Duration) bool {
	return in.traffic.streams > 0 && now-time.Duration(in.uploaded.Load()) <= streamWork
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
	now := r.elapsed()
	c := in.casualtiesLocked(now)
	streams := in.streamsWork(now)
	for i := range in.slots {
		if s := &in.slots[i]; s.held && !s.broke && (!s.stream || streams) {
			c.Pending++
		}
	}
	return c
}

// casualtiesLocked is Casualties without Pending.
func (in *instance) casualtiesLocked(now time.Duration) Casualties {
	b := &in.breaks
	lately := now-b.last <= deathKnown
	switch {
	case b.count > 0 && lately:
		names := slices.Concat(b.named, b.cut)
		return Casualties{InFlight: int(b.inFlight), Named: names[:min(len(names), maxNamed)]}
	case b.quiet > 0 && lately:
		return Casualties{InFlight: int(b.quiet), Named: slices.Clone(b.streams)}
	case in.lastReply.name != "" && in.lastReply.at >= in.endedAt-sameDeath:
		return Casualties{Named: []string{in.lastReply.name}, Answered: true}
	default:
		return Casualties{}
	}
}

// endLocked notes how in ended.
func (in *instance) endLocked(ending Ending) {
	if in.hasEnded() {
		return
	}
	in.ending, in.endedAt = ending, in.registry.elapsed()
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
