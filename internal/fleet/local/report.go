package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// ejectAfter is how many health checks in a row must fail before an
	// instance gets no more requests, and replaceAfter before it is replaced.
	ejectAfter   = 2
	replaceAfter = 4
)

// The methods here run in the loop: what a child's goroutine reports, and what
// follows from it.

// started: the process runs.
func (s *Fleet) started(c *child, pid int) {
	c.log.Debug("process started", "pid", pid)
	s.complain(c, s.Registry.SetHandle(c.id, fmt.Sprintf("pid %d", pid)))
}

// ready: it may get requests, now or again.
func (s *Fleet) ready(c *child, host string) {
	if c.phase > phaseServing {
		return
	}
	c.phase, c.failures = phaseServing, 0
	if c.readyAt.IsZero() {
		c.readyAt = time.Now()
	}
	if c.host != host {
		c.host = host
		s.complain(c, s.Registry.SetEndpoint(c.id, registry.TCP(host, c.port)))
	}
	s.complain(c, s.Registry.Transition(c.id, registry.Ready, "answered the health check"))
	s.Board.SetTrouble("")
	c.log.Info("instance ready", "address", address(host, c.port))
}

// checked: a health check came back.
func (s *Fleet) checked(c *child, check healthCheck) {
	if c.phase != phaseServing {
		return
	}
	in, ready := s.look(c.id)
	switch {
	case check.err == nil:
		if c.failures = 0; in.State == registry.Unhealthy {
			s.complain(c, s.Registry.Transition(c.id, registry.Ready, "answered the health check"))
			c.log.Info("instance healthy again")
		}
		return
	case time.Since(in.LastSuccess) < s.now().CheckInterval:
		c.failures = 0 // it serves real requests: that says more than the check
		return
	}
	c.failures++
	c.silence.observe(c.failures, check, &in)
	c.log.Warn("health check failed", "failures", c.failures, "error", check.err)
	cause := fmt.Errorf("failed %d health checks: %w", c.failures, check.err)
	switch {
	case c.failures >= replaceAfter && s.replaceable(c, check, &in):
		s.condemn(c, cause)
	case c.failures >= ejectAfter && in.State == registry.Ready && ready > 1:
		// The last ready instance stays: on a check's word alone it is better
		// to try than to refuse everybody.
		s.complain(c, s.Registry.Transition(c.id, registry.Unhealthy, cause.Error()))
	}
}

// condemn has a child that still runs, and served, replaced.
func (s *Fleet) condemn(c *child, why error) {
	c.condemned = why
	s.pendingReplacements++
	s.backoff.fail(time.Now(), c.readyAt)
	if s.rollout != nil && c.generation == s.generation {
		s.abort(why.Error())
	}
	s.retire(c, why.Error())
}

// unfit: it did not become ready. If it was before, it may have requests in
// flight, and drains like any other; a process that is gone has none.
func (s *Fleet) unfit(c *child, err error) {
	if c.phase == phaseServing && !errors.Is(err, errExited) {
		s.condemn(c, err)
	}
}

// parting returns what is closed when a child that was told to go has no request
// in flight, and whether it is suspended: what it has in flight would wait in vain,
// and so it ends sooner, so that other instances can answer what may be sent again.
func (s *Fleet) parting(c *child) (drained <-chan struct{}, suspended bool) {
	s.call(func() { drained, suspended = c.drained, c.suspended })
	return drained, suspended
}

// leave asks whether a child that has drained may stop, and returns false when
// it was taken back meanwhile.
func (s *Fleet) leave(killCtx context.Context, c *child, drained <-chan struct{}) (stop bool) {
	s.call(func() {
		// It may have been taken back and told to go again: then it has another
		// drain to wait for.
		if stop = killCtx.Err() != nil || c.phase == phaseRetiring && c.drained == drained; stop {
			c.phase = phaseStopping
		}
	})
	return stop
}

// resume gives a child that was taken back a life, and says where it is ready.
// The life is over at once when it was told to go again.
func (s *Fleet) resume(killCtx context.Context, c *child) (life context.Context, host string) {
	life, cancel := context.WithCancel(killCtx)
	s.call(func() {
		select {
		case <-c.recall:
		default:
		}
		c.cancel, host = cancel, c.host
		if c.phase == phaseRetiring {
			cancel()
		}
	})
	return life, host
}

// suspect: it refused a connection, and the registry has ejected it.
func (s *Fleet) suspect(id registry.ID) {
	for _, c := range s.children {
		if c.id == id {
			c.log.Warn("instance refused a connection")
			select {
			case c.suspect <- struct{}{}:
			default:
			}
		}
	}
}

// gone: the process is no more, or never was. It is a child's last report.
func (s *Fleet) gone(c *child, end ending) {
	c.cancel()
	s.children = slices.DeleteFunc(s.children, func(x *child) bool { return x == c })
	reason := end.reason()
	s.complain(c, s.Registry.Transition(c.id, registry.Stopped, reason))
	if end.exit != nil && end.exit.Dropped > 0 {
		c.log.Warn("log was not read in time", "droppedLines", end.exit.Dropped)
	}
	switch {
	case c.condemned != nil:
		reason = c.condemned.Error() // and a replacement is on its way
	case end.err == nil:
		c.log.Info("instance stopped", "exit", reason)
		return
	default:
		s.pendingReplacements++
		s.backoff.fail(time.Now(), c.readyAt)
	}
	if c.host == "" {
		s.Board.SetTrouble(reason)
		if s.rollout != nil && c.generation == s.generation {
			s.pendingReplacements--
			s.abort(reason)
		}
	}
	last := notice.Exit{ID: c.id, Time: time.Now(), Reason: reason}
	if end.exit != nil {
		last.Output = end.exit.Output
	}
	s.Board.SetLastExit(last)
	c.log.Error("instance failed", "reason", reason, "failures", s.backoff.failures, "retryIn", max(0, s.backoff.wait(time.Now())))
}

// reason tells people how a child came to its end.
func (e ending) reason() string {
	switch {
	case e.err == nil:
		return e.exit.Reason
	case !errors.Is(e.err, errExited):
		return e.err.Error()
	case e.exit.Signal == 0 && len(e.exit.Output) > 0: // what it said last is why
		return e.exit.Reason + ": " + lastWords(e.exit.Output)
	default:
		return e.exit.Reason
	}
}

// look returns the instance as the registry has it, and how many are ready.
func (s *Fleet) look(id registry.ID) (in registry.Instance, ready int) {
	now := s.Registry.Snapshot()
	for _, x := range now.Instances {
		if x.ID == id {
			in = x
		}
	}
	return in, now.Count(registry.Ready)
}

// complain logs a step that the registry did not allow: a fault of ours.
func (s *Fleet) complain(c *child, err error) {
	if err != nil {
		c.log.Error("registry refused a step", "error", err)
	}
}
