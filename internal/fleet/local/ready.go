package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

const (
	// firstProbe is the time between the first probes of an instance that
	// starts (Bun answers about 10 ms after exec), slowestProbe the most it
	// grows to, by a quarter each time: what starts slowly need not be asked
	// often.
	firstProbe   = 4 * time.Millisecond
	slowestProbe = 100 * time.Millisecond
)

// awaitReady probes the child in quick succession until it is ready, and
// returns the host that it answered on. It fails when the child is to go, has
// exited, is not ready within startTimeout, or when somebody else answers in
// its place. Time in which dynlb has no descriptor to ask with does not count.
func (s *Fleet) awaitReady(life context.Context, c *child, p proc) (host string, err error) {
	limit := s.now().StartTimeout
	ctx, expire := context.WithCancelCause(life)
	defer expire(nil)
	left := limit // as of the last probe that was made
	clock := time.AfterFunc(left, func() { expire(context.DeadlineExceeded) })
	defer clock.Stop()
	last := errors.New("no answer")
	for pause := firstProbe; ; pause = min(pause*5/4, slowestProbe) {
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
			return "", s.notReady(c, p, limit, last)
		}
		for _, host := range hosts {
			err := s.probeOnce(ctx, c, host)
			if err == nil {
				return host, s.verify(c, p)
			}
			if host == hosts[0] || !refused(err) {
				last = err // the second host is a guess: that it refuses says nothing
			}
		}
		// That dynlb cannot ask is not the instance's doing: the clock stands until
		// it can.
		if !starved(last) {
			left -= time.Since(began)
			clock.Reset(left)
		} else if clock.Stop() {
			c.log.Warn("health check not made", "error", last)
		}
	}
}

// probeOnce asks the child on host whether it is well, for healthTimeout at most.
func (s *Fleet) probeOnce(ctx context.Context, c *child, host string) error {
	ctx, cancel := context.WithTimeout(ctx, s.now().HealthTimeout)
	defer cancel()
	return s.probe(ctx, address(host, c.port), c.template.HealthPath)
}

// verify makes sure that it is the child that answered on its port.
func (s *Fleet) verify(c *child, p proc) error {
	if !c.template.VerifyPort {
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

// notReady says why the child did not become ready in time, with what can be
// found out about it.
func (s *Fleet) notReady(c *child, p proc, limit time.Duration, last error) error {
	if listening, err := p.ListensOn(c.port); err == nil && !listening.Owned {
		return fmt.Errorf("not ready within %v: it %v", limit, listening)
	}
	return fmt.Errorf("not ready within %v: %w", limit, last)
}
