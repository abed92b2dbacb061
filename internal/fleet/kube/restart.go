package kube

import (
	"context"
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
	if err := f.claim(false); err != nil {
		return err
	}
	r, err := f.beginRestart(ctx, reason)
	if err != nil {
		f.changes.Unlock()
		return err
	}
	return r.run(ctx, context.Background(), progress) // it goes on without its caller
}

// beginRestart changes the annotation.
func (f *Fleet) beginRestart(ctx context.Context, reason string) (*rollout, error) {
	const change = "restart Deployment"
	s, d, err := f.changeable(ctx, change)
	switch {
	case err != nil:
		return nil, err
	case d.settled() && d.Status.Updated != d.Status.Replicas:
		return nil, fleet.ErrRestarting // another client has begun a rollout
	}
	var before any // nil: there was no annotation
	if old, ok := d.Spec.Template.Metadata.Annotations[restartAnnotation]; ok {
		before = old
	}
	r := &rollout{
		fleet: f, steward: s, what: "rolling restart", total: d.replicas(), back: restartedAt(before),
		foreign: func(*deployment) string { return "" }, // another rollout replaces the pods, too
	}
	if err := r.patch(ctx, restartedAt(time.Now().Format(time.RFC3339Nano))); err != nil {
		return nil, fmt.Errorf("%s: %w", change, err)
	}
	f.Log.Info(r.what, "instances", r.total, "reason", reason)
	return r, nil
}

// restartedAt returns a patch of the annotation.
func restartedAt(value any) object {
	return object{"spec": object{"template": object{"metadata": object{"annotations": object{restartAnnotation: value}}}}}
}
