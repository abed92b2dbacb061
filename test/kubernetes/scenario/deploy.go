package main

import (
	"context"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// deployByCommand: dynlb deploy and rollback replace the pods without a lost request; an image
// that does not start is set back, and the pods before stay.
func deployByCommand(ctx context.Context, r *run) {
	b := r.begin(ctx, 3, true, "minInstances: 3\nmaxInstances: 10")
	if b == nil {
		return
	}
	r.must(r.patch(ctx, `{"spec":{"progressDeadlineSeconds":15}}`))
	r.measure(ctx, b, func() {
		for _, step := range []struct{ image, command string }{{"v2", "deploy v2"}, {"none", "rollback"}, {"v2", "rollback"}} {
			began := time.Now()
			r.must(b.do(ctx, strings.Fields(step.command)...))
			if got := r.image(ctx); got != step.image {
				r.failf("after %s the image is %s, want %s", step.command, got, step.image)
			}
			r.say("%s in %v", step.command, time.Since(began).Round(time.Millisecond))
		}
		before := r.pods(ctx)
		err := b.do(ctx, "deploy", "broken")
		if err == nil || !strings.Contains(err.Error(), "ProgressDeadlineExceeded") || r.image(ctx) != "v2" {
			r.failf("a broken image: %v, image %s", err, r.image(ctx))
		}
		r.say("%v", err)
		r.awaitPods(ctx, 3)
		names := map[string]bool{}
		for i := range before {
			names[before[i].Name] = true
		}
		stayed := 0
		for _, p := range r.pods(ctx) {
			if names[p.Name] {
				stayed++
			}
		}
		if stayed < 2 { // the strategy may replace one of three before the new ones are ready
			r.failf("%d of 3 pods stayed", stayed)
		}
	})
}

// image returns the image of the app.
func (w *world) image(ctx context.Context) string {
	d, err := w.client.AppsV1().Deployments(w.namespace).Get(ctx, "app", metav1.GetOptions{})
	if err != nil {
		return err.Error()
	}
	return d.Spec.Template.Spec.Containers[0].Image
}
