package local

import (
	"cmp"
	"context"
	"fmt"

	"github.com/dynlb/dynlb/internal/fleet"
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
	previous *Settings  // what children were started by before; nil when that is the same
}

func newRollout(surge int, reason string) *rollout {
	return &rollout{surge: max(1, surge), reason: reason, progress: make(chan int, 1), done: make(chan error, 1)}
}

// errStoppedRestart says that a restart did not come to its end because dynlb is
// coming to its own.
var errStoppedRestart = fmt.Errorf("restart instances: %w", registry.ErrClosed)

// Restart replaces all instances by new ones, at most surge more than there
// should be at a time, and none drains before a new one is ready in its place.
// It returns when all have been replaced, or why it went no further: then those
// that had not been replaced stay. progress is told how many of how many have
// been. When ctx ends, Restart returns its error and the restart goes on. While
// one is under way, another fails with fleet.ErrRestarting.
func (s *Fleet) Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error {
	r := newRollout(surge, reason)
	err := errStoppedRestart
	s.call(func() {
		switch {
		case s.stopping:
		case s.rollout != nil:
			err = fleet.ErrRestarting
		default:
			s.begin(r)
			err = nil
		}
	})
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
func (s *Fleet) begin(r *rollout) {
	s.rollout = r
	s.generation++
	r.total = s.old()
	s.Log.Info("rolling restart", "instances", r.total, "maxSurge", r.surge, "reason", r.reason)
}

// outdated reports whether a child is to be replaced, a new one first.
func (s *Fleet) outdated(c *child) bool { return c.recycleReason != "" || c.generation != s.generation }

// startReason is why a child is started now.
func (s *Fleet) startReason() string {
	if s.rollout != nil {
		return s.rollout.reason
	}
	for _, c := range s.children {
		if c.phase <= phaseServing && c.recycleReason != "" {
			return "replaces one that " + c.recycleReason
		}
	}
	return s.reason
}

// old returns how many children are to be replaced.
func (s *Fleet) old() int {
	n := 0
	for _, c := range s.children {
		if c.phase <= phaseServing && s.outdated(c) {
			n++
		}
	}
	return n
}

// replace retires an old child for every new one that has taken its place, and
// ends the rollout when no old one is left. It returns how many children there
// may be beyond the target.
func (s *Fleet) replace() (surge int) {
	old := s.old()
	if old > 0 {
		old = s.retireReplaced(old)
	}
	r := s.rollout
	if r == nil {
		return min(1, old)
	}
	if n := r.total - old; n > r.replaced {
		r.replaced = n
		select {
		case <-r.progress: // nobody has read the last one
		default:
		}
		r.progress <- n
	}
	if old == 0 {
		s.endRollout(nil)
		return 0
	}
	return min(r.surge, old)
}

// retireReplaced retires as many of the old children as new ones are ready, and
// returns how many are left.
func (s *Fleet) retireReplaced(old int) (left int) {
	ready := 0 // new ones that may get requests
	all := s.candidates()
	for _, c := range all {
		if c.state == registry.Ready && c.phase == phaseServing && !s.outdated(c.child) {
			ready++
		}
	}
	for _, c := range all {
		if ready+old <= s.target {
			break
		}
		if s.outdated(c.child) {
			reason := cmp.Or(c.recycleReason, s.reason)
			if s.rollout != nil {
				reason = s.rollout.reason
			}
			s.retire(c.child, reason)
			old--
		}
	}
	return old
}

// abort ends the rollout because a new child could not be kept; what is left of
// the old ones stays. If there is one that serves, what it was started by is good,
// and goes for those that are started from now on.
func (s *Fleet) abort(reason string) {
	replaced := s.rollout.total - s.old()
	serving := false
	for _, c := range s.children {
		serving = serving || c.phase == phaseServing && c.generation != s.generation
		c.generation = s.generation
	}
	if serving && s.rollout.previous != nil {
		s.template = s.rollout.previous
	}
	s.endRollout(fmt.Errorf("%d of %d instances replaced, the others stay; the new one: %s",
		replaced, s.rollout.total, reason))
}

func (s *Fleet) endRollout(err error) {
	if err != nil {
		s.Log.Error("rolling restart stopped", "error", err)
	} else {
		s.Log.Info("rolling restart done", "instances", s.rollout.total)
	}
	s.rollout.done <- err
	s.rollout = nil
}
