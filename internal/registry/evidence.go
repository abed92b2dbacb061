package registry

import "time"

const (
	// evidenceClients and evidenceKinds bound the origins that are kept of the
	// failures of an instance. Further clients count without a name.
	evidenceClients = 4
	evidenceKinds   = 8
	// minOthers is how many failures an instance must have with clients other than
	// the one that fails most often, so that one client cannot eject it. One failure
	// beside those of such a client may be a coincidence.
	minOthers = 2
	// minKinds is how many kinds of requests must fail on an instance to eject it
	// while none of them has succeeded on another one.
	minKinds = 3
	// audienceMemory is how long the success of a client shows that the app serves
	// that client besides the one whose requests fail. It is as long as failures count
	// in the picks.
	audienceMemory = failureDecay
)

// evidence is what the failures in a row of one instance have in common.
type evidence struct {
	own     int // failures that have no origin
	clients [evidenceClients]tally
	kinds   [evidenceKinds]tally
	next    int // where the next new kind is kept
}

// tally counts the failures of one client or kind.
type tally struct {
	hash      uint32
	failures  int
	elsewhere bool // requests of the kind succeed on another instance
}

// add adds a failure of a request from o.
func (e *evidence) add(o Origin) {
	if o == (Origin{}) {
		e.own++
		return
	}
	for i := range e.clients {
		if c := &e.clients[i]; c.failures == 0 || c.hash == o.Client {
			c.hash = o.Client
			c.failures++
			break
		}
	}
	if k := e.kind(o.Kind); k != nil {
		k.failures++
		return
	}
	e.kinds[e.next] = tally{hash: o.Kind, failures: 1}
	e.next = (e.next + 1) % evidenceKinds
}

// kind returns the tally of a kind, or nil.
func (e *evidence) kind(hash uint32) *tally {
	for i := range e.kinds {
		if k := &e.kinds[i]; k.failures > 0 && k.hash == hash {
			return k
		}
	}
	return nil
}

// foremost returns the client with the highest number of failures.
func (e *evidence) foremost() tally {
	first := e.clients[0]
	for _, c := range e.clients[1:] {
		if c.failures > first.failures {
			first = c
		}
	}
	return first
}

// succeededElsewhere notes that a request of a kind succeeded on another instance.
func (e *evidence) succeededElsewhere(kind uint32) {
	if k := e.kind(kind); k != nil {
		k.elsewhere = true
	}
}

// speaksLocked reports whether the failures in a row of in speak against it, and not
// against the requests that failed: those of several clients failed, and requests of
// the same kind succeed on other instances, or several kinds fail only here. If the
// app has one client, the successes on other instances decide.
func (r *Registry) speaksLocked(in *instance, now time.Duration) bool {
	e := &in.failures.evidence
	foremost := e.foremost()
	others := in.failures.streak - foremost.failures
	if e.own >= minOthers {
		return true
	}
	if others < minOthers && r.audience.otherThan(foremost.hash, now) {
		return false
	}
	only := 0 // kinds that fail on this instance only
	for i := range e.kinds {
		switch k := &e.kinds[i]; {
		case k.failures == 0:
		case k.elsewhere:
			return true
		case !r.failsElsewhereLocked(in, k.hash):
			only++
		}
	}
	return others >= minOthers && only >= minKinds
}

// failsElsewhereLocked reports whether requests of a kind fail on another instance
// than in.
func (r *Registry) failsElsewhereLocked(in *instance, kind uint32) bool {
	for _, other := range r.instances {
		if other != in && other.failures.evidence.kind(kind) != nil {
			return true
		}
	}
	return false
}

// succeededLocked notes a success of a request from o on in. It speaks against the
// instances on which requests of that kind fail.
func (r *Registry) succeededLocked(in *instance, o Origin, now time.Duration) {
	r.audience.succeeded(o.Client, now)
	in.failures.endStreak()
	if !r.failing {
		return
	}
	r.failing = false
	for _, other := range r.instances {
		f := &other.failures
		if f.streak == 0 {
			continue
		}
		r.failing = true
		f.evidence.succeededElsewhere(o.Kind)
		r.ejectLocked(other, now)
	}
}

// audience is which clients the instances have served lately.
type audience struct {
	client  uint32        // of the last success
	at      time.Duration // of the last success, since Registry.base; 0 before the first
	another time.Duration // of the last success of a client other than client; 0 before the first
}

// succeeded notes a success of a client.
func (a *audience) succeeded(client uint32, now time.Duration) {
	if client != a.client {
		a.client, a.another = client, a.at
	}
	a.at = now
}

// otherThan reports whether a client other than the given one was served lately.
func (a *audience) otherThan(client uint32, now time.Duration) bool {
	last := a.another
	if client != a.client {
		last = a.at
	}
	return last > 0 && now-last < audienceMemory
}
