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
)

// awaitReady probes the child until it is ready, and returns the host where it
// answered. It fails when life ends, when the process exits, when the child is not
// ready within startTimeout, and when another program answers on its port. Time in
// which dynlb has no descriptor for a probe does not count.
func (f *Fleet) awaitReady(life context.Context, c *child, p proc) (host string, err error) {
	limit := f.settings().StartTimeout
	again := false
	f.call(func() { again = !c.readyAt.IsZero() })
	ctx, expire := context.WithCancelCause(life)
	defer expire(nil)
	left := limit // after the last probe that was made
	clock := time.AfterFunc(left, func() { expire(context.DeadlineExceeded) })
	defer clock.Stop()
	last := errors.New("no answer")
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
			return "", startTimeoutError(c, p, limit, last)
		}
		for _, host := range hosts {
			err := f.probeOnce(ctx, c, host)
			if err == nil {
				return host, f.verify(c, p)
			}
			// The second host is a guess: that it refuses says nothing.
			if host == hosts[0] || !refused(err) {
				last = err
			}
			if again && answered(err) { // it works, and is not replaced
				f.call(func() { c.notReady = err.Error() })
				left = limit + time.Since(began)
			}
		}
		if !outOfDescriptors(last) {
			left -= time.Since(began)
			clock.Reset(left)
		} else if clock.Stop() {
			c.log.Warn("health check not made", "error", last)
		}
	}
}

// probeOnce makes one health check on host.
func (f *Fleet) probeOnce(ctx context.Context, c *child, host string) error {
	return f.probePath(ctx, c, host, c.program.HealthPath)
}

// probePath requests path on host, as a health check does.
func (f *Fleet) probePath(ctx context.Context, c *child, host, path string) error {
	ctx, cancel := context.WithTimeout(ctx, f.settings().HealthTimeout)
	defer cancel()
	return f.probe(ctx, address(host, c.port), path)
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

// startTimeoutError returns why the child is not ready within startTimeout: the
// ports on which it listens instead of its own, or the result of the last probe.
func startTimeoutError(c *child, p proc, limit time.Duration, last error) error {
	if listening, err := p.ListensOn(c.port); err == nil && !listening.Owned {
		return fmt.Errorf("not ready within %v: it %v", limit, listening)
	}
	return fmt.Errorf("not ready within %v: %w", limit, last)
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
		f.logRefusal(c, f.Registry.SetEndpoint(c.id, registry.TCP(host, c.port)))
	}
	f.logRefusal(c, f.Registry.Transition(c.id, registry.Ready, "answered the health check"))
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
