package kube

import (
	"context"
	"fmt"

	"github.com/dynlb/dynlb/internal/fleet"
)

// rollout is a change of the Deployment's pods that is followed to its end.
type rollout struct {
	fleet   *Fleet
	steward *steward
	what    string // as the log names it
	total   int
	back    object                   // the patch that undoes the change
	foreign func(*deployment) string // why the change is not in force any more; "" if it is
}

// claim has one change of the pods at a time. The caller unlocks f.changes after nil.
func (f *Fleet) claim(deploying bool) error {
	if !f.changes.TryLock() {
		if f.deploying.Load() {
			return fleet.ErrDeploying
		}
		return fleet.ErrRestarting
	}
	f.deploying.Store(deploying)
	return nil
}

// changeable returns the steward, and the Deployment if its pods may be changed.
func (f *Fleet) changeable(ctx context.Context, change string) (s *steward, d *deployment, err error) {
	f.call(func() {
		if !f.stopping {
			s = f.steward
		}
	})
	if s == nil {
		return nil, nil, errStopped
	}
	switch d, err = s.read(ctx); {
	case err != nil:
		return nil, nil, fmt.Errorf("%s: %w", change, getDeployment.explain(err))
	case d.Spec.Paused:
		return nil, nil, fmt.Errorf("%s: the Deployment is paused; kubectl rollout resume", change)
	}
	return s, d, nil
}

// patch changes the Deployment. A strategic merge finds a container by its name.
func (r *rollout) patch(ctx context.Context, change object) error {
	return patchDeployment.explain(r.steward.client.merge(ctx, r.steward.deploymentPath(), change))
}

// run follows the rollout in a goroutine of the fleet, which does not end with ctx. When undo
// ends, it takes the change back. It unlocks f.changes at its end.
func (r *rollout) run(ctx, undo context.Context, progress func(replaced, total int)) error {
	f := r.fleet
	steps, result := make(chan int, 1), make(chan error, 1)
	started := false
	f.call(func() {
		if started = f.spawn != nil && !f.stopping; started {
			f.spawn(func(parts context.Context) {
				err := r.follow(parts, undo, steps)
				f.changes.Unlock() // the caller may begin another change at once
				result <- err
			})
		}
	})
	if !started {
		f.changes.Unlock()
		return errStopped
	}
	progress(0, r.total)
	for {
		select {
		case n := <-steps:
			progress(n, r.total)
		case err := <-result:
			select {
			case n := <-steps: // the last one
				progress(n, r.total)
			default:
			}
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// follow reports how many pods were replaced, until all are.
func (r *rollout) follow(parts, undo context.Context, steps chan int) error {
	last := 0
	report := func(n int) {
		if n = min(n, r.total); n > last {
			last = n
			select {
			case <-steps:
			default:
			}
			steps <- n
		}
	}
	ctx, cancel := context.WithCancel(parts)
	defer cancel()
	defer context.AfterFunc(undo, cancel)()
	for sleep(ctx, r.steward.pace.busy/2) {
		d, err := r.steward.read(ctx)
		if err != nil || !d.settled() {
			continue // an outage of the API server does not end it
		}
		if why := r.foreign(d); why != "" {
			return fmt.Errorf("%s: %s", r.what, why)
		}
		old := d.Status.Replicas - d.Status.Updated
		report(min(r.total-old, d.Status.Available))
		if c := d.condition("Progressing"); c.Status == "False" {
			return r.takeBack(parts, fmt.Errorf("%d of %d pods replaced, the others stay: %s: %s", last, r.total, c.Reason, c.Message))
		}
		if old == 0 && d.Status.Replicas == d.replicas() && d.Status.Available >= d.replicas() {
			report(r.total)
			r.fleet.Log.Info(r.what+" done", "instances", r.total)
			return nil
		}
	}
	if parts.Err() != nil {
		return errStopped
	}
	return r.takeBack(parts, context.Cause(undo))
}

// takeBack has the Deployment go back to the pods that it had: with the template that they
// have, their ReplicaSet is the one that is wanted.
func (r *rollout) takeBack(ctx context.Context, why error) error {
	if err := r.patch(ctx, r.back); err != nil {
		why = fmt.Errorf("%w; take it back: %w", why, err)
	}
	r.fleet.Log.Error(r.what+" stopped", "error", why)
	return why
}
