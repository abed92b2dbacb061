package local

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/orphan"
	"github.com/dynlb/dynlb/internal/registry"
)

// phase is where the loop has a child.
type phase uint8

const (
	phaseStarting phase = iota // not ready yet
	phaseServing               // was ready
	phaseRetiring              // told to go; may still be taken back
	phaseStopping              // past that
)

// child is one instance and its process.
type child struct {
	id      registry.ID
	port    int
	log     *slog.Logger
	suspect chan struct{} // capacity 1: look at it now
	recall  chan struct{} // capacity 1: it is taken back

	template *Settings // what it is started by; only its surroundings count

	unmeasured bool // its goroutine has said that it cannot be measured

	// Owned by the loop:

	drained       <-chan struct{} // closed when no request is in flight; set when it is told to go
	cancel        func()          // ends its life: has it drained and stopped
	generation    int             // which restart it was started by
	recycleReason string          // why it is to be replaced, a new one first; "" if it is not
	outgrown      bool            // it used as much memory as it may soon after its start
	phase         phase
	host          string // where it answered; "" until it was ready first
	wasReady      bool   // it was ready when it was told to go
	failures      int    // health checks failed in a row
	silence       silence
	condemned     error // why it is being replaced; nil if it is not
	suspended     bool  // it is, because it is suspended: it does not finish what it has in flight
	readyAt       time.Time
}

// ending is how a child's life came to its end.
type ending struct {
	err  error         // why it could not be kept; nil when it was told to go
	exit *process.Exit // how its process ended; nil if it never began
}

// errExited says that a process ended unasked; its Exit says how.
var errExited = errors.New("exited")

func newChild(port int, cancel func(), log *slog.Logger) *child {
	c := &child{
		id:      registry.NewID(),
		port:    port,
		cancel:  cancel,
		suspect: make(chan struct{}, 1),
		recall:  make(chan struct{}, 1),
	}
	c.log = log.With("instance", string(c.id), "port", port)
	return c
}

// tend is a child's goroutine: it does all that takes time in the child's life,
// from spawn to the end, and tells the loop. life ends when the child is to go,
// killCtx when there is no time to drain.
func (s *Fleet) tend(life, killCtx context.Context, c *child) {
	p, err := s.launch(s.spec(c))
	if err != nil {
		s.call(func() { s.gone(c, ending{err: err}) })
		return
	}
	s.call(func() { s.started(c, p.PID()) })
	err = s.keep(life, c, p, "")
	suspended := false
	for life.Err() != nil { // it was told to go
		err = nil
		var drained <-chan struct{}
		drained, suspended = s.parting(c)
		if s.awaitDrained(killCtx, c, p, drained, suspended) && s.leave(killCtx, c, drained) {
			break
		}
		var host string
		life, host = s.resume(killCtx, c) //nolint:fatcontext // not nested: each life is a child of killCtx
		err = s.keep(life, c, p, host)
	}
	grace := s.now().StopTimeout
	if suspended { // it does not act on a signal either
		grace = min(grace, s.now().HealthTimeout)
	}
	exit := p.Stop(killCtx, grace)
	s.call(func() { s.gone(c, ending{err: err, exit: &exit}) })
}

// keep sees the child become ready and looks after it. host is where it is
// ready already, "" if it is not. It returns when the child is to go, or why it
// cannot stay.
func (s *Fleet) keep(life context.Context, c *child, p proc, host string) error {
	for {
		if host == "" {
			var err error
			if host, err = s.awaitReady(life, c, p); err != nil {
				s.call(func() { s.unfit(c, err) })
				return err
			}
			s.call(func() { s.ready(c, host) })
		}
		if again, err := s.checkHealth(life, c, p, host); !again {
			return err
		}
		host = ""
	}
}

// checkHealth probes the child every checkInterval, and measures it, until it is
// to go or has exited. It returns true when the child became suspect, and has to
// show that it is ready again.
func (s *Fleet) checkHealth(life context.Context, c *child, p proc, host string) (again bool, err error) {
	now := s.current.Load()
	tick := time.NewTicker(now.CheckInterval)
	defer tick.Stop()
	measure := time.NewTicker(measureInterval)
	defer measure.Stop()
	for {
		select {
		case <-life.Done():
			return false, life.Err()
		case <-p.Done():
			return false, errExited
		case <-c.suspect:
			return true, nil
		case <-now.changed:
			now = s.current.Load()
			tick.Reset(now.CheckInterval)
		case <-tick.C:
			check := healthCheck{began: time.Now()}
			check.err = s.probeOnce(life, c, host)
			if starved(check.err) {
				c.log.Warn("health check not made", "error", check.err)
				continue
			}
			check.suspended = check.timedOut() && suspended(p)
			s.call(func() { s.checked(c, check) })
		case <-measure.C:
			s.measure(c, p)
		}
	}
}

// awaitDrained waits until drained is closed or the time for it is up, and
// returns true; it returns false when the child is taken back. A suspended one gets
// no time: it would do nothing with it.
func (s *Fleet) awaitDrained(
	killCtx context.Context, c *child, p proc, drained <-chan struct{}, suspended bool,
) bool {
	if killCtx.Err() != nil {
		return true
	}
	limit := s.now().DrainTimeout
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

// spec describes the process of c.
func (s *Fleet) spec(c *child) process.Spec {
	settings := c.template
	env := os.Environ()
	for _, name := range slices.Sorted(maps.Keys(settings.Env)) {
		env = append(env, name+"="+settings.Env[name])
	}
	output := s.Output.With("instance", string(c.id), "port", c.port)
	return process.Spec{
		Argv: c.template.Argv(c.port),
		User: c.template.Account,
		Mark: orphan.NewMark(string(c.id)),
		Env:  append(env, "PORT="+strconv.Itoa(c.port)),
		Dir:  settings.WorkDir,
		Output: func(line process.Line) {
			output.Info(line.Text, "stream", line.Stream)
		},
	}
}
