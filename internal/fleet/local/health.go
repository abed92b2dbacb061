package local

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// unhealthyAfter is how many health checks in a row must fail before an instance
	// is unhealthy and gets no more requests, and replaceAfter before it is replaced.
	unhealthyAfter = 2
	replaceAfter   = 4
)

// healthCheck is the result of a health check.
type healthCheck struct {
	began     time.Time
	err       error // nil: the instance is healthy
	liveness  error // of livenessPath; nil: the instance works, or there is no such path
	suspended bool  // err is a timeout, and the process is suspended
}

// timedOut reports whether the instance did not answer. Any other failure is an
// answer.
func (h healthCheck) timedOut() bool { return errors.Is(h.err, context.DeadlineExceeded) }

// watchHealth checks the child's health every checkInterval, and samples its usage.
// It returns true when the child is suspect and must show that it is ready, or an
// error when life has ended or the process has exited.
func (f *Fleet) watchHealth(life context.Context, c *child, p proc, at registry.Endpoint) (suspect bool, err error) {
	now := f.inForce.Load()
	tick := time.NewTicker(now.CheckInterval)
	defer tick.Stop()
	usageTick := time.NewTicker(usageInterval)
	defer usageTick.Stop()
	for {
		select {
		case <-life.Done():
			return false, life.Err()
		case <-p.Done():
			return false, errExited
		case <-c.checkNow:
			return true, nil
		case <-now.replaced:
			now = f.inForce.Load()
			tick.Reset(now.CheckInterval)
		case <-tick.C:
			f.checkHealth(life, c, p, at)
		case <-usageTick.C:
			f.sampleUsage(c, p)
		}
	}
}

// checkHealth makes one health check and reports the result to the loop.
func (f *Fleet) checkHealth(life context.Context, c *child, p proc, at registry.Endpoint) {
	check := healthCheck{began: time.Now()}
	check.err = f.probeOnce(life, c, at)
	if probe.OutOfDescriptors(check.err) {
		c.log.Warn("health check not made", "error", check.err)
		return
	}
	if path := c.program.LivenessPath; path != "" {
		check.liveness = f.probePath(life, c, at, path)
		if probe.OutOfDescriptors(check.liveness) {
			check.liveness = nil // no check was made
		}
	}
	check.suspended = check.timedOut() && suspended(p)
	f.call(func() { f.onHealthCheck(c, check) })
}

// onHealthCheck handles the result of a health check. It runs in the loop.
func (f *Fleet) onHealthCheck(c *child, check healthCheck) {
	if c.phase != phaseServing {
		return
	}
	if f.notLive(c, check.liveness) {
		return
	}
	in, ready := f.lookup(c.id)
	c.notReady = ""
	if probe.Answered(check.err) {
		c.notReady, c.lastAnswer = check.err.Error(), check.err
	}
	switch {
	case check.err == nil:
		c.lastAnswer = nil
		if c.failedChecks, c.silentChecks = 0, 0; in.State == registry.Unhealthy {
			f.logRejected(c, f.Registry.Transition(c.id, registry.Ready, "answered the health check"))
			c.log.Info("instance healthy again")
		}
		return
	case c.notReady == "" && time.Since(in.LastSuccess) < f.settings().CheckInterval:
		c.failedChecks, c.silentChecks = 0, 0 // a response to a real request counts more than silence
		return
	}
	c.failedChecks++
	if c.notReady != "" {
		c.silentChecks = 0
	} else {
		c.silentChecks++
		c.silence.observe(c.silentChecks, check, &in)
	}
	failure := probe.WithLastAnswer(check.err, c.lastAnswer)
	c.log.Warn("health check failed", "failures", c.failedChecks, "error", failure)
	cause := fmt.Errorf("failed %d health checks: %w", c.failedChecks, failure)
	works := c.program.LivenessPath != "" && check.liveness == nil
	switch {
	case !works && c.silentChecks >= replaceAfter && f.mustReplace(c, check, &in):
		f.replace(c, cause)
	case c.failedChecks >= unhealthyAfter && in.State == registry.Ready && (c.notReady != "" || ready > 1):
		// The last ready instance stays if it does not answer: to try it is better
		// than to refuse every request. If it says that it is not ready, it goes.
		f.logRejected(c, f.Registry.Transition(c.id, registry.Unhealthy, cause.Error()))
	}
}

// notLive counts a check of livenessPath, and reports whether it replaced the
// child. err is nil when the check succeeded. It runs in the loop.
func (f *Fleet) notLive(c *child, err error) bool {
	if err == nil {
		c.failedLiveness = 0
		return false
	}
	c.failedLiveness++
	c.log.Warn("liveness check failed", "failures", c.failedLiveness, "error", err)
	if c.failedLiveness < replaceAfter {
		return false
	}
	f.replace(c, fmt.Errorf("failed %d liveness checks: %w", c.failedLiveness, err))
	return true
}

// onSuspect handles an instance that refused a connection. The registry has made it
// unhealthy. It runs in the loop.
func (f *Fleet) onSuspect(id registry.ID) {
	for _, c := range f.children {
		if c.id == id {
			c.log.Warn("instance refused a connection")
			select {
			case c.checkNow <- struct{}{}:
			default:
			}
		}
	}
}
