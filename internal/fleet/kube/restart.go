package kube

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
)

// restartAnnotation is that of kubectl rollout restart. A change of it has the Deployment
// replace all pods.
const restartAnnotation = "kubectl.kubernetes.io/restartedAt"

// Restart has the Deployment replace all pods, and follows that to its end. See [fleet.Fleet].
// How many there are more than the target is for the Deployment's strategy to say, not for
// surge. When the Deployment's progressDeadlineSeconds are over, the restart is taken back: the
// old pods stay.
func (f *Fleet) Restart(ctx context.Context, _ int, reason string, progress func(replaced, total int)) error {
	if !f.restarts.TryLock() {
		return fleet.ErrRestarting
	}
	r, err := f.beginRestart(ctx, reason)
	if err != nil {
		f.restarts.Unlock()
		return err
	}
	steps, result := make(chan int, 1), make(chan error, 1)
	started := false
	f.call(func() {
		if started = f.spawn != nil && !f.stopping; started {
			f.spawn(func(ctx context.Context) { // it goes on without its caller
				defer f.restarts.Unlock()
				result <- r.follow(ctx, steps)
			})
		}
	})
	if !started {
		f.restarts.Unlock()
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

// restart is one under way.
type restart struct {
	fleet   *Fleet
	steward *steward
	total   int
	before  any // the annotation; nil: there was none
}

// beginRestart changes the annotation.
func (f *Fleet) beginRestart(ctx context.Context, reason string) (*restart, error) {
	r := &restart{fleet: f}
	f.call(func() {
		if !f.stopping {
			r.steward = f.steward
		}
	})
	if r.steward == nil {
		return nil, errStopped
	}
	d, err := r.steward.read(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read Deployment: %w", err)
	case d.Spec.Paused:
		return nil, errors.New("restart Deployment: it is paused; kubectl rollout resume")
	case d.settled() && d.Status.Updated != d.Status.Replicas:
		return nil, fleet.ErrRestarting // another client has begun a rollout
	}
	r.total = d.replicas()
	if old, ok := d.Spec.Template.Metadata.Annotations[restartAnnotation]; ok {
		r.before = old
	}
	if err := r.annotate(ctx, time.Now().Format(time.RFC3339Nano)); err != nil {
		return nil, fmt.Errorf("restart Deployment: %w", err)
	}
	f.Log.Info("rolling restart", "instances", r.total, "reason", reason)
	return r, nil
}

func (r *restart) annotate(ctx context.Context, value any) error {
	return r.steward.client.patch(ctx, r.steward.deploymentPath(), object{"spec": object{"template": object{"metadata": object{
		"annotations": object{restartAnnotation: value},
	}}}}, nil)
}

// follow reports how many pods were replaced, until all are.
func (r *restart) follow(ctx context.Context, steps chan int) error {
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
	for sleep(ctx, r.steward.pace.busy/2) {
		d, err := r.steward.read(ctx)
		if err != nil || !d.settled() {
			continue // an outage of the API server does not end it
		}
		old := d.Status.Replicas - d.Status.Updated
		report(min(r.total-old, d.Status.Available))
		if c := d.condition("Progressing"); c.Status == "False" {
			return r.takeBack(ctx, last, c)
		}
		if old == 0 && d.Status.Replicas == d.replicas() && d.Status.Available >= d.replicas() {
			report(r.total)
			r.fleet.Log.Info("rolling restart done", "instances", r.total)
			return nil
		}
	}
	return errStopped
}

// takeBack has the Deployment go back to the pods that it had: with the annotation that they
// have, their ReplicaSet is the one that is wanted.
func (r *restart) takeBack(ctx context.Context, replaced int, why condition) error {
	err := fmt.Errorf("%d of %d pods replaced, the others stay: %s: %s", replaced, r.total, why.Reason, why.Message)
	if back := r.annotate(ctx, r.before); back != nil {
		err = fmt.Errorf("%w; take restart back: %w", err, back)
	}
	r.fleet.Log.Error("rolling restart stopped", "error", err)
	return err
}
