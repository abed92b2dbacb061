package local

import (
	"context"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// drain lets the child's requests end, and then stops it. It runs in the loop.
func (f *Fleet) drain(c *child, reason string) {
	in, _ := f.lookup(c.id)
	c.phase, c.wasReady = phaseDraining, in.State == registry.Ready && c.replaceReason == nil
	drained, err := f.Registry.Drain(c.id, reason)
	f.logRejected(c, err)
	c.drained, c.drainReason = drained, reason
	c.endLife()
	c.log.Info("instance draining", "reason", reason)
}

// takeBack returns the child that began to drain last to service. It returns false
// when there is none that can be: one that is outdated, or was not ready when it
// began to drain, cannot. It runs in the loop.
func (f *Fleet) takeBack() bool {
	for _, c := range slices.Backward(f.children) {
		if c.phase != phaseDraining || !c.wasReady || c.staged || f.outdated(c) {
			continue
		}
		reason, _ := f.settleReplacement()
		if err := f.Registry.Transition(c.id, registry.Ready, reason); err != nil {
			f.logRejected(c, err)
			return false
		}
		c.phase, c.failedChecks = phaseServing, 0
		select {
		case c.recall <- struct{}{}:
		default:
		}
		c.log.Info("instance taken back into service", "reason", reason)
		return true
	}
	return false
}

// drainState returns the channel that is closed when the draining child has no
// request in flight, and whether the child is suspended.
func (f *Fleet) drainState(c *child) (drained <-chan struct{}, suspended bool) {
	f.call(func() { drained, suspended = c.drained, c.suspended })
	return drained, suspended
}

// awaitDrained waits until the child has drained, has exited, or has used up its
// time, and returns true. It returns false when the child is taken back. A
// suspended child gets no time: it would not answer its requests, and other
// instances can answer those that are safe to repeat.
func (f *Fleet) awaitDrained(killCtx context.Context, c *child, p proc, drained <-chan struct{}, suspended bool) bool {
	if killCtx.Err() != nil {
		return true
	}
	limit := f.settings().DrainTimeout
	if suspended {
		limit = 0
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-drained:
	case <-c.recall:
		return false
	case <-p.Done():
	case <-killCtx.Done():
	case <-timer.C:
		c.log.Warn("instance not drained in time", "drainTimeout", limit)
	}
	return true
}

// beginStop moves a child whose drain is over to phaseStopping. It returns false, and
// the child is not to be stopped, when it was taken back meanwhile. A child that was taken back and drains again
// has another channel, which it must wait for.
func (f *Fleet) beginStop(killCtx context.Context, c *child, drained <-chan struct{}) (stop bool) {
	f.call(func() {
		if stop = killCtx.Err() != nil || c.phase == phaseDraining && c.drained == drained; stop {
			c.phase = phaseStopping
		}
	})
	return stop
}

// resume returns a new life for a child that was taken back, and where it is ready. The life is over already when the child drains again.
func (f *Fleet) resume(killCtx context.Context, c *child) (life context.Context, at registry.Endpoint) {
	life, endLife := context.WithCancel(killCtx)
	f.call(func() {
		select {
		case <-c.recall:
		default:
		}
		c.endLife, at = endLife, c.endpoint
		if c.phase == phaseDraining {
			endLife()
		}
	})
	return life, at
}
