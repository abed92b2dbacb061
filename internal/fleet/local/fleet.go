// Package local is the fleet of processes on this machine. It spawns instances,
// waits until they are ready, checks their health, replaces those that fail, and
// drains and stops those above the target.
//
// One loop (Run) owns all facts about the children and never blocks. Each child
// has a goroutine (tend) that does the slow work and reports to the loop. Every
// step is recorded in the registry. The fleet knows nothing of requests, apart from
// one fact: it stops no child before the registry reports that it has drained.
package local

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/process/procfs"
	"github.com/dynlb/dynlb/internal/registry"
)

// proc is what the fleet needs of a running process: *process.Process, or a
// scripted one in tests.
type proc interface {
	PID() int
	Usage() (procfs.Usage, error)
	Done() <-chan struct{}
	Exit() process.Exit
	Stop(ctx context.Context, timeout time.Duration) process.Exit
	ListensOn(port int) (procfs.Listening, error)
}

// launcher starts a process.
type launcher func(process.Spec) (proc, error)

// machinery is what the fleet needs of the machine; tests have a scripted one.
type machinery struct {
	launch launcher             // starts a process
	probe  prober               // asks an instance for its health
	bind   func(port int) error // listens on a port for a moment
}

// Fleet runs the instances. Create one with New and Run it once.
type Fleet struct {
	fleet.Options
	machinery
	current atomic.Pointer[current] // the settings in force; changed by the loop
	calls   chan func()             // work for the loop, from tend and from the methods
	done    chan struct{}           // closed when Run has returned

	// Owned by the loop:

	killNow             func() // has children killed at once
	target              int
	reason              string    // why target is what it is
	children            []*child  // in start order
	generation          int       // of the children that are started now
	template            *Settings // what they are started by
	rollout             *rollout  // the restart under way; nil when there is none
	pendingReplacements int       // children that failed and have not been replaced
	backoff             backoff
	patience            patience
	retry               *time.Timer // fires when the backoff is over
	stopping            bool
}

// New returns a Fleet that does nothing until Run. The settings are in force until
// Configure.
func New(options fleet.Options, settings Settings) *Fleet {
	return newFleet(options, settings, machinery{
		launch: func(spec process.Spec) (proc, error) { return process.Start(spec) },
		probe:  newHTTPProber(),
		bind:   bindPort,
	})
}

func newFleet(options fleet.Options, settings Settings, m machinery) *Fleet {
	options.Output = cmp.Or(options.Output, options.Log)
	now := inForce(settings)
	s := &Fleet{Options: options, machinery: m, calls: make(chan func()), done: make(chan struct{}), template: &now.Settings}
	s.current.Store(now)
	return s
}

// Scale makes it n instances, and does not wait until they are there. It does
// nothing once Stop was called.
func (s *Fleet) Scale(n int, reason string) {
	s.call(func() {
		if !s.stopping {
			s.target, s.reason = n, reason
		}
	})
}

// Stop drains and stops all instances, and returns when none is left. When ctx
// ends first, those that are left are killed.
func (s *Fleet) Stop(ctx context.Context) {
	s.call(s.stop)
	select {
	case <-s.done:
	case <-ctx.Done():
		s.call(func() { s.killNow() })
		<-s.done
	}
}

// Run keeps the instances until Stop has stopped them all. When ctx ends they
// are killed at once. It returns when no child and no goroutine is left.
func (s *Fleet) Run(ctx context.Context) {
	defer close(s.done)
	s.retry = time.NewTimer(0)
	defer s.retry.Stop()
	killCtx, killNow := context.WithCancel(ctx)
	defer killNow()
	s.killNow = killNow
	quit := ctx.Done()
	for !s.stopping || len(s.children) > 0 {
		select {
		case call := <-s.calls:
			call()
		case id := <-s.Registry.Suspects():
			s.suspect(id)
		case <-s.retry.C:
		case <-quit:
			quit = nil
			s.stop()
		}
		s.reconcile(killCtx)
	}
}

// stop has all children retired, for good.
func (s *Fleet) stop() {
	s.stopping = true
	s.target, s.reason = 0, "shutting down"
	if s.rollout != nil {
		s.endRollout(errStoppedRestart)
	}
}

// call has the loop do f, and waits until it has. It does nothing when Run has
// returned.
func (s *Fleet) call(f func()) {
	did := make(chan struct{})
	select {
	case s.calls <- func() { f(); close(did) }:
		<-did
	case <-s.done:
	}
}

// reconcile starts and retires children until as many as wanted are there or on
// their way. killCtx ends when there is no time to drain.
func (s *Fleet) reconcile(killCtx context.Context) {
	target := s.target + s.replace()
	active, starting := 0, 0
	for _, c := range s.children {
		if c.phase > phaseServing {
			continue
		}
		active++
		if c.phase == phaseStarting {
			starting++
		}
	}
	s.pendingReplacements = min(s.pendingReplacements, max(0, target-active)) // what is not wanted any more is not replaced
	if starting == 0 && active >= target {
		s.Board.SetTrouble("") // nothing has to be started
	}
	for ; active > target; active-- {
		s.retire(s.victim(), s.reason)
	}
	for ; active < target; active++ {
		if s.takeBack() {
			continue // sooner and cheaper than a new one
		}
		if wait := s.backoff.wait(time.Now()); wait > 0 {
			s.retry.Reset(wait)
			return
		}
		// After failures, restarts are staggered: all at once would take the
		// cores from those that still serve.
		if s.backoff.failures > 0 && starting >= runtime.GOMAXPROCS(0) {
			return // the next report comes when one is ready or has failed
		}
		if !s.start(killCtx) {
			return
		}
		starting++
	}
}

// start spawns one child, and reports whether it could.
func (s *Fleet) start(killCtx context.Context) bool {
	port, err := s.lowestFreePort()
	if err != nil {
		s.backoff.fail(time.Now(), time.Time{})
		s.Board.SetTrouble(err.Error())
		s.Log.Error("no instance started", "error", err)
		s.retry.Reset(s.backoff.wait(time.Now()))
		return false
	}
	if s.pendingReplacements > 0 {
		s.pendingReplacements--
		s.Board.CountRestart()
	}
	life, cancel := context.WithCancel(killCtx)
	c := newChild(port, cancel, s.Log)
	c.generation, c.template = s.generation, s.template
	s.children = append(s.children, c)
	reason := s.startReason()
	s.Registry.Add(registry.Spec{ID: c.id, Endpoint: registry.TCP(hosts[0], port), Port: port, Reason: reason})
	c.log.Info("instance starting", "reason", reason)
	go s.tend(life, killCtx, c) // ends when the process is gone; Run waits for its last report
	return true
}

// takeBack takes the child that was told to go last back into service, and
// reports whether there was one that has not stopped serving yet.
func (s *Fleet) takeBack() bool {
	for _, c := range slices.Backward(s.children) {
		if c.phase != phaseRetiring || !c.wasReady || s.outdated(c) {
			continue
		}
		if err := s.Registry.Transition(c.id, registry.Ready, s.reason); err != nil {
			s.complain(c, err)
			continue
		}
		c.phase, c.failures = phaseServing, 0
		select {
		case c.recall <- struct{}{}:
		default:
		}
		c.log.Info("instance taken back into service", "reason", s.reason)
		return true
	}
	return false
}

// retire has a child drained and stopped.
func (s *Fleet) retire(c *child, reason string) {
	in, _ := s.look(c.id)
	c.phase, c.wasReady = phaseRetiring, in.State == registry.Ready && c.condemned == nil
	drained, err := s.Registry.Drain(c.id, reason)
	s.complain(c, err)
	c.drained = drained
	c.cancel()
	c.log.Info("instance draining", "reason", reason)
}
