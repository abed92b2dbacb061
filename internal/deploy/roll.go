package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// ErrNoCanary reports a canary of a fleet that replaces its instances by a rollout.
var ErrNoCanary = errors.New("canary is not possible: Kubernetes replaces the pods in turn, so the new version gets requests by their number; " +
	"leave --canary out, or make a Deployment of its own for the new version")

// unknownVersion is how texts name a version that has no name.
const unknownVersion = "the present version"

// deployByRollout is Deploy for a fleet that keeps its version itself.
func (d *Deployer) deployByRollout(ctx context.Context, roller fleet.Roller, v Version, o Order, progress func(Step)) error {
	if o.Canary > 0 {
		return ErrNoCanary
	}
	current, _, err := roller.Versions(ctx)
	if err != nil {
		return fmt.Errorf("deploy: %w", err)
	}
	if v.Label == current {
		return VersionError{fmt.Errorf("%s runs already; 'dynlb restart' replaces its instances", v.Label)}
	}
	return d.roll(ctx, roller, v, current, o, progress)
}

// rollBack is Rollback for such a fleet, when no deploy of this dynlb is under way.
func (d *Deployer) rollBack(ctx context.Context, roller fleet.Roller, reason string, progress func(Step)) error {
	current, previous, err := roller.Versions(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("rollback: %w", err)
	case previous == "" || previous == current:
		return ErrNoPrevious
	}
	return d.roll(ctx, roller, Version{Label: previous}, current, Order{Reason: reason}, progress)
}

// roll has the fleet replace the instances by those of a version.
func (d *Deployer) roll(ctx context.Context, roller fleet.Roller, v Version, from string, o Order, progress func(Step)) error {
	d.mu.Lock()
	switch {
	case d.closed:
		d.mu.Unlock()
		return fmt.Errorf("deploy: %w", registry.ErrClosed)
	case d.run != nil:
		defer d.mu.Unlock()
		return fmt.Errorf("%w: of %s; 'dynlb rollback' ends it", fleet.ErrDeploying, d.run.name)
	}
	own, stop := context.WithCancelCause(context.Background()) // ends with the run
	r := &run{version: v, name: v.Label, from: cmp.Or(from, unknownVersion), order: o, stop: stop, more: make(chan struct{})}
	d.run = r
	d.running.Go(func() { // ends with the rollout, at the latest when the fleet stops
		err := d.followRollout(own, r, roller)
		stop(nil)
		d.finishRollout(r, err)
	})
	d.mu.Unlock()
	return r.follow(ctx, progress)
}

// followRollout reports the steps of a rollout until its end.
func (d *Deployer) followRollout(ctx context.Context, r *run, roller fleet.Roller) error {
	d.Log.Info("deploy", "version", r.name, "from", r.from, "reason", r.order.Reason)
	d.Board.SetDeploy(notice.Deploy{Version: r.name, Phase: uint8(Starting)})
	d.Board.RecordDeploy(notice.Deploying, fmt.Sprintf("%s: %s replaces %s", r.order.Reason, r.name, r.from))
	return roller.Roll(ctx, r.name, r.order.Reason, func(replaced, total int) {
		r.add(Starting, fmt.Sprintf("%d of %d instances of %s ready", replaced, total, r.name))
	})
}

// finishRollout puts an end to a rollout.
func (d *Deployer) finishRollout(r *run, err error) {
	d.mu.Lock()
	d.run = nil
	d.mu.Unlock()
	d.Board.SetDeploy(notice.Deploy{})
	d.reportEnd(r, r.from, err)
}
