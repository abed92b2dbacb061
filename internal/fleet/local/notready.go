package local

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/registry"
)

// notReadyState is what the probes of a child that is not ready have shown.
type notReadyState struct {
	since    time.Time // when the probes began
	last     error     // the result of the last probe
	answer   error     // the last real answer
	reported string    // the last result that was reported to the loop
	stopped  bool      // the process was suspended then
}

// errSuspended is why a child is not ready whose process the kernel has stopped. It will
// not answer, and does not handle SIGTERM.
var errSuspended = errors.New("its process is suspended: stopped by a signal such as SIGSTOP, or by a debugger")

// cause returns why the child is not ready: errSuspended, the ports on which it listens
// instead of its own, or the result of the last probe, with the last real answer.
func (s *notReadyState) cause(c *child, p proc) error {
	if suspended(p) {
		return errSuspended
	}
	if listening, err := p.ListensOn(c.place.port); err == nil && !listening.Owned {
		if c.place.port != 0 {
			return fmt.Errorf("it %v", listening)
		}
		if len(listening.Ports) > 0 {
			return fmt.Errorf("it %s, not on the socket %s", listening.Elsewhere(), c.place.socket())
		}
	}
	if s.last == nil {
		return errors.New("no answer")
	}
	return probe.WithLastAnswer(s.last, s.answer)
}

// remedy returns what to do about a child that did not become ready in time, to follow the
// cause: its app may listen elsewhere, or have no such path.
func (s *notReadyState) remedy(c *child, cause error) string {
	switch {
	case errors.Is(cause, errSuspended):
		return ""
	case c.program.GRPCHealth && probe.Answered(s.last): // the cause says what to add
		return ""
	case probe.Answered(s.last) && !probe.Unavailable(s.last):
		return "; set healthPath to a path that answers with 2xx"
	case s.answer != nil || !probe.ConnRefused(s.last) && !errors.Is(s.last, fs.ErrNotExist):
		return ""
	case c.place.socket() != "":
		return "; have the app listen on {socket}, which is in DYNLB_SOCKET too"
	default:
		return "; have the app listen on 127.0.0.1 at {port}, which is in PORT too"
	}
}

// notReadyYet handles a failed probe of a child that is to become ready, and reports
// whether the child works nevertheless.
func (f *Fleet) notReadyYet(c *child, p proc, s *notReadyState, err error) (works bool) {
	s.last = err
	stopped := s.stopped
	if probe.Answered(err) {
		s.answer = err
	} else if time.Since(s.since) < reportAfter {
		return false
	} else if stopped = suspended(p); err.Error() == s.reported && stopped == s.stopped {
		return false
	}
	s.reported, s.stopped = err.Error(), stopped
	cause := s.cause(c, p)
	f.call(func() { works = f.onNotReadyYet(c, err, cause) })
	return works
}

// onNotReadyYet handles the last result of the probes of a child that is not ready,
// and reports whether the child works: an answer other than 2xx shows that after the
// child was ready, and the status 503 shows it before. It is not replaced for that.
// During a rollout, a new child must become ready within startTimeout, as a staged one
// must: the outdated ones wait for it. It runs in the loop.
func (f *Fleet) onNotReadyYet(c *child, last, cause error) (works bool) {
	if !c.active() {
		return false
	}
	starting := c.phase == phaseStarting
	switch {
	case !starting:
		works = probe.Answered(last)
	case c.staged, f.rollout != nil && c.generation == f.generation:
	default:
		works = probe.Unavailable(last)
	}
	c.notReady = ""
	if works {
		c.notReady = last.Error()
	}
	if starting {
		f.logRejected(c, f.Registry.SetReason(c.id, registry.NotReadyYet+cause.Error()))
	}
	return works
}

// notReadyReason returns why no instance is ready when all say that they are not, or
// "".
func (f *Fleet) notReadyReason() string {
	reason := ""
	for _, c := range f.children {
		switch {
		case !c.active(), c.staged:
		case c.notReady == "":
			return ""
		default:
			reason = c.notReady
		}
	}
	if reason == "" {
		return ""
	}
	if now := f.Registry.Snapshot(); now.Count(registry.Ready) > 0 { // until its second failed check
		return ""
	}
	return reason
}
