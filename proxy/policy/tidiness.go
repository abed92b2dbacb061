package policy

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// Settle is how long a connection rests before it is used again when the
// response that ended on it may be followed by stray bytes. Servers that send
// content where there must be none write it right after the head: within 5 ms on
// a busy machine. The rest leaves 20 times as much.
const Settle = 100 * time.Millisecond

const (
	// maxAside bounds the connections to one instance that rest aside: each costs
	// a descriptor here and in the instance, where many servers take 100 or more.
	maxAside = 64
	// provenAfter is how many rests must pass without a byte before the instance
	// counts as proven: the first requests of a client are often all of one kind,
	// so that a few rests would show one kind of response only.
	provenAfter = 16
	// stray is the state of a Tidiness after stray bytes.
	stray = -1
)

// Reuse says what happens to a connection to an instance after a response.
type Reuse uint8

// The possible answers.
const (
	// Close: the connection carries no other request.
	Close Reuse = iota
	// Rest: the connection is left alone for Settle. Then the caller reports the
	// result with Tidiness.Rested, which says whether the connection may be used.
	Rest
	// Now: the connection may be used at once.
	Now
)

// Tidiness is what is known about the stray bytes of one instance: bytes that it
// sends although no request asked for them. Some servers send the content of a
// response to HEAD, for example. The client of the next request on the connection
// would take stray bytes for its response.
//
// An instance begins unproven. As long as it is, every connection rests after a
// response. Rests without a byte prove the instance; from then on a connection is
// used again at once, except after a response that cannot have content. That proof is
// one of its own: until it is made, connections are closed after such a response, since
// an instance that is stopped or held up right after the head sends stray bytes however
// long later. Afterwards they rest, since whether a server sends content there may depend
// on the route. After stray bytes the instance is never trusted again, and none of its
// connections is reused.
//
// Two cases cannot be told from a response: bytes that arrive after the first request of
// a connection was sent, and bytes that a proven instance sends so late that the next
// request was sent before.
//
// One Tidiness may serve all pools of connections to the instance. All methods
// are safe for concurrent use and do not allocate. The zero value is an unproven
// instance.
type Tidiness struct {
	state   atomic.Int32 // quiet rests, provenAfter at most; stray after stray bytes
	aside   atomic.Int32 // connections that rest
	bare    atomic.Int32 // quiet rests after responses that cannot have content
	counted atomic.Int64 // when one of them was last counted, in ns since 1970
}

// After says what happens to a connection whose response has ended. content says
// whether such a response can have content: it cannot when it answers HEAD, or is
// a 204 or a 304. After Rest the caller must call Rested.
func (t *Tidiness) After(content bool) Reuse {
	state := t.state.Load()
	switch {
	case state == stray:
		return Close
	case content && state >= provenAfter:
		return Now
	case t.aside.Add(1) > maxAside:
		t.aside.Add(-1)
		return Close
	default:
		return Rest
	}
}

// Rested ends the rest of a connection; content is that of After. quiet says that it
// lasted for Settle and nothing arrived, not even an end. It reports whether the
// connection may carry another request.
func (t *Tidiness) Rested(content, quiet bool) (reuse bool) {
	t.aside.Add(-1)
	switch {
	case !quiet:
		return false
	case content:
		count(&t.state)
		return t.Reusable()
	}
	reuse = t.bare.Load() >= provenAfter && t.Reusable()
	// Rests at the same time may all be quiet because the instance is held up.
	now := time.Now().UnixNano()
	if last := t.counted.Load(); now-last >= int64(Settle) && t.counted.CompareAndSwap(last, now) {
		count(&t.bare)
	}
	return reuse
}

// count adds a quiet rest.
func count(rests *atomic.Int32) {
	for {
		n := rests.Load()
		if n == stray || n >= provenAfter || rests.CompareAndSwap(n, n+1) {
			return
		}
	}
}

// Stray notes that the instance sent bytes that no request asked for. It reports
// whether they were the first ones.
func (t *Tidiness) Stray() bool { return t.state.Swap(stray) != stray }

// Reusable reports whether connections to the instance may be reused at all.
func (t *Tidiness) Reusable() bool { return t.state.Load() != stray }

// Ask reports whether the socket of a reused connection must be asked for stray
// bytes before a request is sent: what an event loop or a reader knows of it may be
// out of date. A request that is not idempotent cannot be repeated if the connection
// turns out to be unusable.
func (t *Tidiness) Ask(idempotent bool) bool { return !idempotent || t.state.Load() < provenAfter }

// Conduct holds the Tidiness of each instance, by endpoint. All lanes share it. Its
// methods are safe for concurrent use. The zero value is ready for use.
type Conduct struct {
	mu        sync.Mutex // guards all below
	instances map[registry.Endpoint]*Tidiness
}

// Of returns the Tidiness of the instance at an endpoint.
func (c *Conduct) Of(at registry.Endpoint) *Tidiness {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.instances[at]
	if t == nil {
		t = &Tidiness{}
		if c.instances == nil {
			c.instances = make(map[registry.Endpoint]*Tidiness)
		}
		c.instances[at] = t
	}
	return t
}

// Drop forgets the instance at an endpoint: it leaves service, and the next one
// there begins unproven.
func (c *Conduct) Drop(at registry.Endpoint) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.instances, at)
}
