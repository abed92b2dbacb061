package policy

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

const (
	// longIdle is how long a connection must survive idle to show that the instance
	// keeps connections at all. Some servers end each connection after its response
	// without saying so, but a moment later, and read nothing in between.
	longIdle = time.Second
	// maxDoubt is how many connections in a row must survive twice the idle time that
	// is known, until that time is forgotten: the death of an instance looks like the
	// end of an idle time.
	maxDoubt = 16
	// maxFresh is how many requests of an app have new connections only because nothing
	// is known. A flood of POSTs would take all local ports before longIdle has passed:
	// Linux has 28,232, and each is taken for a minute after its use.
	maxFresh = 4096
	// MaxSpared bounds the connections to one instance that are idle, but cannot be
	// used for the present requests. The others are closed.
	MaxSpared = 8
)

// IdleTime is what is known about how long the instances of an app keep idle
// connections. If an instance closes a connection while a request is on its way, the
// request may be lost, because one that is not idempotent cannot be repeated. Such a
// request is sent only on a connection that was idle for at most half of the time that
// connections of the app are known to survive. As long as nothing is known, it gets a new
// connection. It is half, because servers check their idle connections at intervals as
// long as their shortest idle times.
//
// All methods are safe for concurrent use and do not allocate. The zero value knows
// nothing.
type IdleTime struct {
	reuses   atomic.Bool  // a second request on a connection was answered
	survived atomic.Int64 // the longest idle time after which a connection was open
	ended    atomic.Int64 // the shortest one after which one had ended; 0: unknown
	doubt    atomic.Int32 // survivals in a row that contradict ended
	fresh    atomic.Int32 // requests that had new connections because nothing was known
}

// KeepAlive returns how long an idle connection is kept for a setting: zero stands for
// StaleAfter, and a negative one for connections that are not reused.
func KeepAlive(setting time.Duration) time.Duration {
	switch {
	case setting == 0:
		return StaleAfter
	default:
		return max(setting, 0)
	}
}

// Limit returns how long a connection may have been idle and still be used for a
// request. keep is how long connections are kept.
func (t *IdleTime) Limit(idempotent bool, keep time.Duration) time.Duration {
	if ended := time.Duration(t.ended.Load()); ended > 0 {
		keep = min(keep, ended-ended/4)
		if !idempotent {
			keep = min(keep, ended/2)
		}
	}
	switch {
	case idempotent:
		return keep
	case !t.Proven():
		t.fresh.Add(1)
		return 0
	default:
		return min(keep, time.Duration(t.survived.Load())/2)
	}
}

// Proven reports whether the instances are known to keep connections.
func (t *IdleTime) Proven() bool {
	return t.reuses.Load() || t.survived.Load() >= int64(longIdle) || t.fresh.Load() >= maxFresh && t.ended.Load() == 0
}

// Answered notes that an instance answered a request on a connection that had been idle
// for the given time.
func (t *IdleTime) Answered(idle time.Duration) {
	if !t.reuses.Load() {
		t.reuses.Store(true)
	}
	t.Survived(idle)
}

// Survived notes that a connection is open that has been idle for the given time.
func (t *IdleTime) Survived(idle time.Duration) {
	raise(&t.survived, int64(idle))
	ended := t.ended.Load()
	if ended == 0 || int64(idle) <= 2*ended {
		return
	}
	if t.doubt.Add(1) >= maxDoubt {
		t.doubt.Store(0)
		t.ended.CompareAndSwap(ended, 0)
	}
}

// Ended notes that an instance ended a connection that had been idle for the given time,
// or for longer.
func (t *IdleTime) Ended(idle time.Duration) {
	idle = max(idle, 1)
	if before := t.ended.Load(); int64(idle) <= 2*before {
		t.doubt.Store(0)
	}
	t.lower(int64(idle))
}

// Broke notes that an attempt failed on a connection that had been idle for the given
// time before. It ignores failures that do not show that the instance had ended the
// connection.
func (t *IdleTime) Broke(e *BrokenError, idle time.Duration) {
	if e.Reused && !e.Received && e.After < ResendWithin && !errors.Is(e, context.DeadlineExceeded) && !errors.Is(e, ErrSurplus) {
		t.Ended(idle)
	}
}

// Promised notes the timeout of a Keep-Alive field, in seconds; 0 is none.
func (t *IdleTime) Promised(seconds int) {
	if seconds <= 0 {
		return
	}
	d := int64(seconds) * int64(time.Second)
	if !t.reuses.Load() {
		t.reuses.Store(true)
	}
	raise(&t.survived, d)
	t.lower(d)
}

// lower sets ended to a shorter time.
func (t *IdleTime) lower(d int64) {
	for {
		before := t.ended.Load()
		if before != 0 && before <= d || t.ended.CompareAndSwap(before, d) {
			return
		}
	}
}

// raise sets v to a larger value.
func raise(v *atomic.Int64, to int64) {
	for {
		before := v.Load()
		if before >= to || v.CompareAndSwap(before, to) {
			return
		}
	}
}
