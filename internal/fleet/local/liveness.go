package local

import (
	"context"
	"errors"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// healthCheck is a health check that was made, and what came of it.
type healthCheck struct {
	began     time.Time
	err       error // nil: the instance is well
	suspended bool  // it did not answer because its process is suspended
}

// timedOut reports whether the instance did not answer. Any other failure is an
// answer.
func (h healthCheck) timedOut() bool { return errors.Is(h.err, context.DeadlineExceeded) }

// suspended reports whether the kernel has the process stopped (SIGSTOP, a
// debugger). Where it does not tell, it is not.
func suspended(p proc) bool {
	usage, err := p.Usage()
	return err == nil && usage.Suspended
}

// silence is since when an instance that fails health checks has given no sign of
// life.
type silence struct {
	since  time.Time
	claims uint64 // requests that it had been given by then
	spared bool   // the log says that it is not replaced
}

// observe takes note of the failures-th failed check in a row. The silence begins
// with the first one, and anew when the instance worked on a request after that.
func (s *silence) observe(failures int, check healthCheck, in *registry.Instance) {
	if failures == 1 {
		*s = silence{since: check.began, claims: in.Total}
	}
	if in.LastProgress.After(s.since) {
		s.since, s.claims = in.LastProgress, in.Total
	}
}

// replaceable decides whether an instance that has failed as many health checks as
// it may, and now check, is to be replaced, and notes what that means for its
// requests. An instance that gives a bad answer is. One that gives none may be
// busy: many servers work on one request at a time, and a health check waits as
// any other request does. So it has the time that a request has, requestTimeout
// from when it was last seen to do something, unless it has no request, or the
// kernel has suspended it.
//
// Of the requests that a busy one still has after that time, those that it had
// when it fell silent may be why it did, and are not tried on another. A suspended
// one was suspended by somebody else.
func (s *Fleet) replaceable(c *child, check healthCheck, in *registry.Instance) bool {
	switch {
	case !check.timedOut():
		return true
	case check.suspended:
		c.suspended = true
		return true
	}
	limit := s.now().RequestTimeout
	// A request that ended without a response, because the client left, may still
	// occupy the instance.
	busy := in.InFlight > 0 || !in.LastAbandoned.IsZero() && time.Since(in.LastAbandoned) < limit
	if busy && time.Since(c.silence.since) < limit {
		if !c.silence.spared {
			c.silence.spared = true
			c.log.Warn("instance answers no health check, and is not replaced yet: it has requests to work on",
				"inFlight", in.InFlight, "requestTimeout", limit)
		}
		return false
	}
	s.complain(c, s.Registry.Unresponsive(c.id, c.silence.claims))
	return true
}
