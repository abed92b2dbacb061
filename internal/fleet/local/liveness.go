package local

import (
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// suspended reports whether the kernel has stopped the process (SIGSTOP, a
// debugger). It returns false where that cannot be read.
func suspended(p proc) bool {
	usage, err := p.Usage()
	return err == nil && usage.Suspended
}

// silence is the time since an instance that fails health checks last showed that
// it works.
type silence struct {
	since  time.Time
	claims uint64 // the number of requests that the instance had got by then
	logged bool   // the log says that it is not replaced yet
}

// observe updates the silence after a failed check, which is number silentChecks in
// a row. The silence begins with the first one, and again with each progress that
// the instance makes.
func (s *silence) observe(silentChecks int, check healthCheck, in *registry.Instance) {
	if silentChecks == 1 {
		*s = silence{since: check.began, claims: in.Total}
	}
	if in.LastProgress.After(s.since) {
		s.since, s.claims = in.LastProgress, in.Total
	}
}

// mustReplace decides whether a child that has failed replaceAfter health checks or
// more, check being the last one, is replaced.
//
//   - An instance whose answer is broken off, or is not HTTP, is replaced. One that
//     answers with a status is not: it works.
//   - A suspended instance is replaced. Its requests are not the reason.
//   - An instance that does not answer and has no request is replaced.
//   - An instance that does not answer and has requests may be busy: many servers
//     serve one request at a time, and a health check waits like any request. It is
//     replaced after requestTimeout without progress. The requests that it had when
//     its silence began may be the reason, and are not tried on another instance.
//
// Neither the time of a check nor processor time tell a busy instance from a hanging
// one: a handler that waits uses none, and an endless loop uses all.
func (f *Fleet) mustReplace(c *child, check healthCheck, in *registry.Instance) bool {
	switch {
	case !check.timedOut():
		return true
	case check.suspended:
		c.suspended = true
		return true
	}
	limit := f.settings().RequestTimeout
	// An instance may still work on a request whose client has left.
	busy := in.InFlight > 0 || !in.LastAbandoned.IsZero() && time.Since(in.LastAbandoned) < limit
	if busy && time.Since(c.silence.since) < limit {
		if !c.silence.logged {
			c.silence.logged = true
			c.log.Warn("instance answers no health check, but is not replaced yet: it has requests",
				"inFlight", in.InFlight, "requestTimeout", limit)
		}
		return false
	}
	f.logRejected(c, f.Registry.Unresponsive(c.id, c.silence.claims))
	return true
}
