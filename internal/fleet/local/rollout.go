package local

import (
	"cmp"
	"context"
	"fmt"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// rollout is a rolling restart. The children that exist when it begins are
// outdated; those that are started later are new.
//
//	start new children, up to surge above the target
//	a new one is ready       ──► an outdated one drains, until none is left
//	a new one does not start ──► the rollout ends, and the outdated ones stay
type rollout struct {
	surge    int
	reason   string
	total    int        // outdated children when it began
	replaced int        // how many of them have begun to drain
	progress chan int   // capacity 1: the latest value of replaced
	done     chan error // capacity 1: the result
	previous *Settings  // in force again if it fails; nil: the present ones stay
}

func newRollout(surge int, reason string) *rollout {
	return &rollout{surge: max(1, surge), reason: reason, progress: make(chan int, 1), done: make(chan error, 1)}
}

// errStoppedRestart reports that a restart ended because dynlb shuts down.
var errStoppedRestart = fmt.Errorf("restart instances: %w", registry.ErrClosed)

// Restart replaces all instances by new ones. See [fleet.Fleet].
func (f *Fleet) Restart(ctx context.Context, surge int, reason string, progress func(replaced, total int)) error {
	r := newRollout(surge, reason)
	err := errStoppedRestart
	f.call(func() {
		switch {
		case f.stopping:
		case f.rollout != nil:
			err = fleet.ErrRestarting
		case f.staging != nil:
			err = fleet.ErrDeploying
		default:
			f.beginRollout(r)
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
			case n := <-r.progress: // the step that ended the rollout
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

// beginRollout makes all children outdated.
func (f *Fleet) beginRollout(r *rollout) {
	f.rollout = r
	f.generation++
	r.total = f.countOutdated()
	f.Log.Info("rolling restart", "instances", r.total, "maxSurge", r.surge, "reason", r.reason)
}

// outdated reports whether a child is to be replaced, with the new one started
// first.
func (f *Fleet) outdated(c *child) bool { return c.recycleReason != "" || c.generation != f.generation }

// countOutdated returns how many active children are outdated.
func (f *Fleet) countOutdated() int {
	n := 0
	for _, c := range f.children {
		if c.active() && !c.staged && f.outdated(c) {
			n++
		}
	}
	return n
}

// advanceRollout drains an outdated child for each new one that is ready, and ends
// the rollout when none is outdated. It returns how many children may exist above
// the target.
func (f *Fleet) advanceRollout() (surge int) {
	outdated := f.countOutdated()
	if outdated > 0 {
		outdated = f.drainReplaced(outdated)
	}
	r := f.rollout
	if r == nil {
		return min(1, outdated)
	}
	if n := r.total - outdated; n > r.replaced {
		r.replaced = n
		select {
		case <-r.progress: // Restart has not read the previous value
		default:
		}
		r.progress <- n
	}
	if outdated == 0 {
		f.endRollout(nil)
		return 0
	}
	return min(r.surge, outdated)
}

// drainReplaced drains as many of the outdated children as new ones are ready, and
// returns how many outdated ones remain.
func (f *Fleet) drainReplaced(outdated int) (remaining int) {
	ready := 0 // new children that can get requests
	all := f.inReplaceOrder()
	for _, c := range all {
		if c.state == registry.Ready && c.phase == phaseServing && !f.outdated(c.child) {
			ready++
		}
	}
	for _, c := range all {
		if ready+outdated <= f.target {
			break
		}
		if f.outdated(c.child) {
			reason := cmp.Or(c.recycleReason, f.reason) // a shutdown ends the rollout
			if f.rollout != nil && c.generation != f.generation {
				reason = f.rollout.reason
			}
			f.drain(c.child, reason)
			outdated--
		}
	}
	return outdated
}

// abortRollout ends the rollout because a new child failed. The outdated children
// that remain stay, with their settings. New ones are replaced by such with the
// previous settings.
func (f *Fleet) abortRollout(reason string) {
	r := f.rollout
	replaced := r.total - f.countOutdated()
	for _, c := range f.children {
		if r.previous != nil && len(differences(c.program, &r.previous.Program)) > 0 {
			c.recycleReason = "has a config that failed"
		}
		c.generation = f.generation
	}
	if r.previous != nil {
		f.apply(*r.previous)
	}
	f.surplusReason = "rolling restart stopped: " + reason
	f.endRollout(fmt.Errorf("%d of %d instances replaced, the others stay; the new one: %s",
		replaced, r.total, reason))
}

func (f *Fleet) endRollout(err error) {
	if err != nil {
		f.Log.Error("rolling restart stopped", "error", err)
	} else {
		f.Log.Info("rolling restart done", "instances", f.rollout.total)
	}
	f.rollout.done <- err
	f.rollout = nil
}
