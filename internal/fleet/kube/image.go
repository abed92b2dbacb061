package kube

import (
	"context"
	"fmt"
	"strings"
)

const (
	// previousAnnotation is where the Deployment keeps the image before the one in force, for
	// all dynlbs that share it, and for those that come after them.
	previousAnnotation = "dynlb/previous-image"
	// containerAnnotation names the container that kubectl means when none is given.
	containerAnnotation = "kubectl.kubernetes.io/default-container"
)

// container is one of a pod.
type container struct {
	Name  string `json:"name"`
	Image string `json:"image"`
}

// app returns the container of the app: the only one, or the one that the pods name.
func (d *deployment) app() (container, error) {
	all := d.Spec.Template.Spec.Containers
	if len(all) == 1 {
		return all[0], nil
	}
	name := d.Spec.Template.Metadata.Annotations[containerAnnotation]
	var names []string
	for _, c := range all {
		if c.Name == name {
			return c, nil
		}
		names = append(names, c.Name)
	}
	return container{}, fmt.Errorf("the pods have several containers (%s): say which one is the app's, in the annotation %s of the pod template",
		strings.Join(names, ", "), containerAnnotation)
}

// Versions returns the image of the app, and the one before it. See [fleet.Roller].
func (f *Fleet) Versions(ctx context.Context) (current, previous string, err error) {
	_, d, err := f.changeable(ctx, "find the image of the Deployment")
	if err != nil {
		return "", "", err
	}
	c, err := d.app()
	return c.Image, d.Metadata.Annotations[previousAnnotation], err
}

// Roll sets the image, and follows the rollout to its end. See [fleet.Roller]. When the
// Deployment's progressDeadlineSeconds are over, the image is set back, and the old pods stay.
func (f *Fleet) Roll(ctx context.Context, image, reason string, progress func(replaced, total int)) error {
	if err := f.claim(true); err != nil {
		return err
	}
	r, err := f.beginRoll(ctx, image, reason)
	if err != nil {
		f.changes.Unlock()
		return err
	}
	return r.run(context.WithoutCancel(ctx), ctx, progress)
}

// beginRoll sets the image.
func (f *Fleet) beginRoll(ctx context.Context, image, reason string) (*rollout, error) {
	const change = "set image of Deployment"
	s, d, err := f.changeable(ctx, change)
	if err != nil {
		return nil, err
	}
	app, err := d.app()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", change, err)
	}
	var before any // nil: there was no annotation
	if previous := d.Metadata.Annotations[previousAnnotation]; previous != "" {
		before = previous
	}
	r := &rollout{
		fleet: f, steward: s, what: "rollout of " + image, total: d.replicas(), back: setImage(app.Name, app.Image, before),
		foreign: func(d *deployment) string {
			if now, err := d.app(); err != nil || now.Image != image {
				return fmt.Sprintf("another client has set the image %s", now.Image)
			}
			return ""
		},
	}
	// Only a patch whose answer arrives can be followed, or taken back.
	if err := r.patch(context.WithoutCancel(ctx), setImage(app.Name, image, app.Image)); err != nil {
		return nil, fmt.Errorf("%s: %w", change, err)
	}
	f.Log.Info(r.what, "from", app.Image, "instances", r.total, "reason", reason)
	return r, nil
}

// setImage returns a patch of an image, and of the one before it.
func setImage(name, image string, previous any) object {
	return object{
		"metadata": object{"annotations": object{previousAnnotation: previous}},
		"spec":     object{"template": object{"spec": object{"containers": []object{{"name": name, "image": image}}}}},
	}
}

// reportVersions reports the image in force, and the one before it. During a rollout the old
// pods still get requests.
func (s *steward) reportVersions(d *deployment) {
	if s.image != "" && d.rollout() {
		return
	}
	app, err := d.app()
	if err != nil {
		return // only a deploy needs to know
	}
	if previous := d.Metadata.Annotations[previousAnnotation]; app.Image != s.image || previous != s.previous {
		s.image, s.previous = app.Image, previous
		s.fleet.Board.SetVersions(app.Image, previous)
	}
}
