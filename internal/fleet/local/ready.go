package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// minProbeInterval is the time between the first probes of a child that starts:
	// Bun answers about 10 ms after exec. It grows by a quarter each time, up to
	// maxProbeInterval: an app that starts slowly need not be probed often.
	minProbeInterval = 4 * time.Millisecond
	maxProbeInterval = 100 * time.Millisecond
	// reportAfter is when the status begins to tell why a child is not ready yet. Most
	// are ready before.
	reportAfter = 500 * time.Millisecond
)

// awaitReady probes the child until it is ready, and returns the host where it
// answered. It fails when life ends, when the process exits, when the child is not
// ready within startTimeout, and when another program answers on its port. Time in
// which dynlb has no descriptor for a probe does not count, nor does time in which the
// child says that it is not ready (see onNotReadyYet).
func (f *Fleet) awaitReady(life context.Context, c *child, p proc) (host string, err error) {
	limit := f.settings().StartTimeout
	ctx, expire := context.WithCancelCause(life)
	defer expire(nil)
	left := limit // after the last probe that was made
	clock := time.AfterFunc(left, func() { expire(context.DeadlineExceeded) })
	defer clock.Stop()
	state := notReadyState{since: time.Now()}
	for pause := minProbeInterval; ; pause = min(pause*5/4, maxProbeInterval) {
		began := time.Now()
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-p.Done():
			timer.Stop()
			return "", errExited
		case <-ctx.Done():
			timer.Stop()
			if life.Err() != nil {
				return "", life.Err()
			}
			return "", fmt.Errorf("not ready within %v: %w", limit, state.cause(c, p))
		}
		host, err := f.probeHosts(ctx, c)
		if err == nil {
			return host, f.verify(c, p)
		}
		if ctx.Err() == nil && f.notReadyYet(c, p, &state, err) {
			left = limit + time.Since(began)
		}
		if !outOfDescriptors(err) {
			left -= time.Since(began)
			clock.Reset(left)
		} else if clock.Stop() {
			c.log.Warn("health check not made", "error", err)
		}
	}
}

// probeHosts makes a health check on each host until one succeeds, and returns that
// host. The second host is a guess, for a child that does not listen on the first
// one: that it refuses says nothing.
func (f *Fleet) probeHosts(ctx context.Context, c *child) (host string, err error) {
	for _, host := range hosts {
		next := f.probeOnce(ctx, c, host)
		if next == nil {
			return host, nil
		}
		if err == nil || !connRefused(next) {
			err = next
		}
		if !connRefused(err) {
			break
		}
	}
	return "", err
}

// probeOnce makes one health check on host.
func (f *Fleet) probeOnce(ctx context.Context, c *child, host string) error {
	return f.probePath(ctx, c, host, c.program.HealthPath)
}

// probePath requests path on host, as a health check does.
func (f *Fleet) probePath(ctx context.Context, c *child, host, path string) error {
	limit := f.settings().HealthTimeout
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	err := f.probe(ctx, address(host, c.port), path)
	if errors.Is(err, context.DeadlineExceeded) {
		return &silenceError{path, limit}
	}
	return err
}

// verify returns an error unless it was the child that answered on its port.
func (f *Fleet) verify(c *child, p proc) error {
	if !c.program.VerifyPort {
		return nil
	}
	listening, err := p.ListensOn(c.port)
	switch {
	case errors.Is(err, os.ErrProcessDone):
		return errExited
	case err != nil:
		c.log.Debug("port not verified", "error", err)
		return nil
	case !listening.Owned:
		return fmt.Errorf("another program answered on port %d: the instance %v "+
			"(if the app listens from outside its process group, set verifyPort: false)", c.port, listening)
	default:
		return nil
	}
}

// onReady handles a child that is ready, for the first time or again. It runs in
// the loop.
func (f *Fleet) onReady(c *child, host string) {
	if !c.active() {
		return
	}
	c.phase, c.failedChecks, c.silentChecks = phaseServing, 0, 0
	c.notReady = ""
	if c.readyAt.IsZero() {
		c.readyAt = time.Now()
	}
	if c.host != host {
		c.host = host
		f.logRejected(c, f.Registry.SetEndpoint(c.id, registry.TCP(host, c.port)))
	}
	f.logRejected(c, f.Registry.Transition(c.id, registry.Ready, "answered the health check"))
	f.failedStarts = 0
	f.Board.SetTrouble("")
	c.log.Info("instance ready", "address", address(host, c.port))
}

// onNotReady handles a child that did not become ready. If it was ready before, it
// may have requests in flight, and drains. It runs in the loop.
func (f *Fleet) onNotReady(c *child, err error) {
	if c.phase == phaseServing && !errors.Is(err, errExited) {
		f.replace(c, err)
	}
}
