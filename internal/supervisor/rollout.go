package supervisor

import (
	"context"
	"fmt"
	"slices"

	"github.com/dynlb/dynlb/internal/registry"
)

// rollout is a rolling restart under way. The children that ran when it began
// are old; those that were started since are new.
//
//	start up to surge new ones more than there should be
//	a new one is ready      ──► an old one drains, and so on until none is left
//	a new one cannot start  ──► it ends there, and the old ones stay
type rollout struct {
	surge    int
	reason   string
	total    int        // old ones at first
	replaced int        // how many of them have gone
	progress chan int   // capacity 1: the latest number of old ones that went
	done     chan error // capacity 1: how it ended
}

// errStoppedRestart says that a restart did not come to its end because dynlb is
// coming to its own.
var errStoppedRestart = fmt.Errorf("restart instances: %w", registry.ErrClosed)

// Restart replaces all instances by new ones, at most surge more than there
// should be at a time, and none drains before a new one is ready in its place.
// It returns when all have been replaced, or why it went no further: then those
// that had not been replaced stay. progress is told how many of how many have
// been. When ctx ends, Restart returns its error and the restart goes on. While
// one is under way, another fails with registry.ErrRestarting.
func (s *Supervisor) Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error {
	r := &rollout{surge: max(1, surge), reason: reason, progress: make(chan int, 1), done: make(chan error, 1)}
	err := errStoppedRestart
	s.call(func() { err = s.begin(r) })
	if err != nil {
		return err
	}
	progress(0, r.total)
	for {
		select {
		case n := <-r.progress:
			progress(n, r.total)
		case err := <-r.done:
			select {
			case n := <-r.progress: // the last step, which ended it
				progress(n, r.total)
			default:
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// The methods below run in the loop.

// begin makes all children that there are old.
func (s *Supervisor) begin(r *rollout) error {
	switch {
	case s.stopping:
		return errStoppedRestart
	case s.rollout != nil:
		return registry.ErrRestarting
	}
	s.rollout = r
	s.generation++
	r.total = s.old()
	s.Log.Info("rolling restart", "instances", r.total, "maxSurge", r.surge, "reason", r.reason)
	return nil
}

// old returns how many old children are to be replaced.
func (s *Supervisor) old() int {
	n := 0
	for _, c := range s.children {
		if c.phase <= phaseServing && c.generation != s.generation {
			n++
		}
	}
	return n
}

// replace retires an old child for every new one that has taken its place, and
// ends the rollout when no old one is left. It returns how many children there
// may be beyond the target.
func (s *Supervisor) replace() (surge int) {
	if s.rollout == nil {
		return 0
	}
	ready := 0 // new ones that may get requests
	now := s.Registry.Snapshot()
	for _, c := range s.children {
		if c.phase == phaseServing && c.generation == s.generation && isReady(&now, c.id) {
			ready++
		}
	}
	old := s.old()
	for _, c := range s.children {
		if ready+old <= s.target {
			break
		}
		if c.phase <= phaseServing && c.generation != s.generation {
			s.retire(c, s.rollout.reason)
			old--
		}
	}
	if n := s.rollout.total - old; n != s.rollout.replaced {
		s.rollout.replaced = n
		select {
		case <-s.rollout.progress: // nobody has read the last one
		default:
		}
		s.rollout.progress <- n
	}
	if old == 0 {
		s.endRollout(nil)
		return 0
	}
	return min(s.rollout.surge, old)
}

func isReady(now *registry.Snapshot, id registry.ID) bool {
	return slices.ContainsFunc(now.Instances, func(in registry.Instance) bool {
		return in.ID == id && in.State == registry.Ready
	})
}

// abort ends the rollout because a new child could not be kept; what is left of
// the old ones stays.
func (s *Supervisor) abort(reason string) {
	replaced := s.rollout.total - s.old()
	for _, c := range s.children {
		c.generation = s.generation
	}
	s.endRollout(fmt.Errorf("%d of %d instances replaced, the others stay; the new one: %s",
		replaced, s.rollout.total, reason))
}

func (s *Supervisor) endRollout(err error) {
	if err != nil {
		s.Log.Error("rolling restart stopped", "error", err)
	} else {
		s.Log.Info("rolling restart done", "instances", s.rollout.total)
	}
	s.rollout.done <- err
	s.rollout = nil
}
