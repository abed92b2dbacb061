package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dynlb/dynlb/internal/fleet/probe"
	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// minProbeInterval is the time between the first probes of a child that starts: the
	// demo answers about 8 ms after exec, and Bun 10 ms. It grows by an eighth each time, up
	// to maxProbeInterval: an app that starts slowly need not be probed often. So a child is
	// found ready a ninth of its start later at most, for less than 40 probes of 0.1 ms.
	minProbeInterval = time.Millisecond
	maxProbeInterval = 100 * time.Millisecond
	// reportAfter is when the status begins to tell why a child is not ready yet. Most
	// are ready before.
	reportAfter = 500 * time.Millisecond
)

// awaitReady probes the child until it is ready, and returns where it answered. It fails when life ends, when the process exits, when the child is not
// ready within startTimeout, and when another program answers on its port. Time in
// which dynlb has no descriptor for a probe does not count, nor does time in which the
// child says that it is not ready (see onNotReadyYet).
func (f *Fleet) awaitReady(life context.Context, c *child, p proc) (at registry.Endpoint, err error) {
	limit := f.settings().StartTimeout
	ctx, expire := context.WithCancelCause(life)
	defer expire(nil)
	left := limit // after the last probe that was made
	clock := time.AfterFunc(left, func() { expire(context.DeadlineExceeded) })
	defer clock.Stop()
	state := notReadyState{since: time.Now()}
	for pause := minProbeInterval; ; pause = min(pause*9/8, maxProbeInterval) {
		began := time.Now()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-p.Done():
			timer.Stop()
			return at, errExited
		case <-ctx.Done():
			timer.Stop()
			if life.Err() != nil {
				return at, life.Err()
			}
			cause := state.cause(c, p)
			return at, fmt.Errorf("not ready within %v: %w%s", limit, cause, state.remedy(c, cause))
		}
		answered, err := f.probeEndpoints(ctx, c)
		if err == nil {
			return answered, f.verify(c, p)
		}
		if ctx.Err() == nil && f.notReadyYet(c, p, &state, err) {
			left = limit + time.Since(began)
		}
		if !probe.OutOfDescriptors(err) {
			left -= time.Since(began)
			clock.Reset(left)
		} else if clock.Stop() {
			c.log.Warn("health check not made", "error", err)
		}
	}
}

// probeEndpoints makes a health check at each endpoint until one succeeds, and returns
// that endpoint. The second one is a guess, for a child that does not listen on the
// first one: that it refuses says nothing.
func (f *Fleet) probeEndpoints(ctx context.Context, c *child) (at registry.Endpoint, err error) {
	for _, at := range c.place.endpoints() {
		next := f.probeOnce(ctx, c, at)
		if next == nil {
			return at, nil
		}
		if err == nil || !probe.ConnRefused(next) {
			err = next
		}
		if !probe.ConnRefused(err) {
			break
		}
	}
	return at, err
}

// probeOnce makes one health check at an endpoint.
func (f *Fleet) probeOnce(ctx context.Context, c *child, at registry.Endpoint) error {
	if c.program.GRPCHealth {
		return f.probeWith(ctx, probe.GRPC, at, "")
	}
	return f.probePath(ctx, c, at, c.program.HealthPath)
}

// probePath requests path at an endpoint, as a health check does.
func (f *Fleet) probePath(ctx context.Context, c *child, at registry.Endpoint, path string) error {
	return f.probeWith(ctx, f.proberOf(c.program.Check), at, path)
}

// proberOf returns what makes the checks that have a path.
func (f *Fleet) proberOf(check probe.Check) probe.Prober {
	if check == probe.CheckHTTP1 {
		return f.probe
	}
	return probe.Of(check)
}

// probeWith makes a health check within the time for it.
func (f *Fleet) probeWith(ctx context.Context, check probe.Prober, at registry.Endpoint, path string) error {
	return probe.Within(ctx, f.settings().HealthTimeout, check, at, path)
}

// verify returns an error unless it was the child that answered on its port or
// socket.
func (f *Fleet) verify(c *child, p proc) error {
	if !c.program.VerifyPort {
		return nil
	}
	if path := c.place.socket(); path != "" {
		return f.verifySocket(c, p, path)
	}
	listening, err := p.ListensOn(c.place.port)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return errExited
	case err != nil:
		c.log.Debug("port not verified", "error", err)
		return nil
	case !listening.Owned:
		return fmt.Errorf("another program answered on port %d: the instance %v "+
			"(if the app listens from outside its process group, set verifyPort: false)", c.place.port, listening)
	default:
		return nil
	}
}

// verifySocket returns an error unless a process of the child listens on its socket.
func (f *Fleet) verifySocket(c *child, p proc, path string) error {
	owned, owner, err := p.OwnsSocket(path)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return errExited
	case err != nil:
		c.log.Debug("socket not verified", "error", err)
		return nil
	case !owned:
		return fmt.Errorf("another program answered on the socket %s: process %d listens there "+
			"(if the app listens from outside its process group, set verifyPort: false)", path, owner)
	default:
		return nil
	}
}

// onReady handles a child that is ready, for the first time or again. It runs in
// the loop.
func (f *Fleet) onReady(c *child, at registry.Endpoint) {
	if !c.active() {
		return
	}
	c.phase, c.failedChecks, c.silentChecks = phaseServing, 0, 0
	c.notReady = ""
	if c.readyAt.IsZero() {
		c.readyAt = time.Now()
	}
	if c.endpoint != at {
		c.endpoint = at
		f.logRejected(c, f.Registry.SetEndpoint(c.id, at))
	}
	f.logRejected(c, f.Registry.Transition(c.id, registry.Ready, "answered the health check"))
	if !c.staged { // a staged one says nothing about the others
		f.failedStarts = 0
		f.Board.SetTrouble("")
	}
	c.log.Info("instance ready", "address", at.String())
}

// onNotReady handles a child that did not become ready. If it was ready before, it
// may have requests in flight, and drains. It runs in the loop.
func (f *Fleet) onNotReady(c *child, err error) {
	if c.phase == phaseServing && !errors.Is(err, errExited) {
		c.suspended = errors.Is(err, errSuspended)
		f.replace(c, err)
	}
}
