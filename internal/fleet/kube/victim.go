package kube

import (
	"context"
	"math"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dynlb/dynlb/internal/registry"
)

// costAnnotation has the controller of ReplicaSets delete the pods with the lowest cost first,
// of those that are ready. Without it dynlb cannot know which one it deletes: of pods whose ages
// are of one power of two it takes a random one.
const costAnnotation = "controller.kubernetes.io/pod-deletion-cost"

// goneWithin is how long it may take from the scaling until the chosen pods terminate. When it
// took others, the chosen ones go back into service.
const goneWithin = 10 * time.Second

// choice is a victim as the steward knows it.
type choice struct {
	id  registry.ID
	pod string
}

// lower scales down to n. The pods that are to go get no more requests; when one of them has
// finished, or drainTimeout is over, it gets the lowest cost, and the Deployment is scaled down
// by as many as have it.
func (s *steward) lower(ctx context.Context, d *deployment, n int, reason string) time.Duration {
	now := d.replicas()
	if !s.fleet.listed() { // those that serve may be of another Cluster
		s.waitFor("the pods are not listed yet")
		return s.pace.busy
	}
	if d.rollout() {
		s.fleet.spare()
		s.waitFor("a rollout is under way: Kubernetes would spread the change over old and new pods")
		return s.pace.busy
	}
	if unready := now - d.Status.Ready; unready > 0 { // these go first, whatever a cost says
		s.set(ctx, now, max(n, d.Status.Ready), reason+"; pods that are not ready are not needed")
		return s.pace.busy
	}
	if s.plain {
		s.set(ctx, now, n, reason)
		return s.pace.busy
	}
	s.waitFor("")
	done := s.fleet.choose(now-n, reason)
	if len(done) == 0 {
		return s.pace.busy
	}
	if n > 0 || len(done) < now { // all go otherwise
		for i, v := range done {
			if !s.annotate(ctx, v, strconv.Itoa(math.MinInt32+i)) {
				return s.pace.busy
			}
		}
		if !sleep(ctx, s.pace.settle) {
			return s.pace.calm
		}
	}
	if want, _, ok := s.fleet.wanted(); !ok || want > now-len(done) {
		return 0 // it has risen meanwhile
	}
	s.fleet.condemn(done, time.Now())
	if !s.set(ctx, now, now-len(done), reason) {
		s.fleet.condemn(done, time.Time{}) // the next attempt is for the same ones
	}
	return s.pace.busy
}

// listed reports whether the pods of the present Cluster are known.
func (f *Fleet) listed() (known bool) {
	f.call(func() { known = f.last.known })
	return known
}

// annotate gives a pod the lowest cost. It returns false when that did not succeed.
func (s *steward) annotate(ctx context.Context, v choice, cost string) bool {
	err := s.client.patch(ctx, s.client.corePath("pods", v.pod), object{"metadata": object{"annotations": object{costAnnotation: cost}}}, nil)
	switch {
	case err == nil, apierrors.IsNotFound(err): // it has gone by itself
		return true
	case apierrors.IsForbidden(err):
		s.plain = true
		s.fleet.spare()
		s.fleet.Log.Warn("pods may not be annotated, so Kubernetes chooses which one goes, and it gets requests until then", "error", patchPod.explain(err),
			"hint", "allow patch on pods: see docs/kubernetes.md")
	default:
		s.waitFor("annotate pod: " + err.Error())
	}
	return false
}

// sleep waits. It returns false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// choose makes n pods victims, those that are ready to go in the order of removal, and returns
// those that have finished, or have had their time.
//
// It returns none of them yet if others are likely to have finished within settle: each scaling
// takes a while.
func (f *Fleet) choose(n int, reason string) (done []choice) {
	f.call(func() {
		have := 0
		for _, p := range f.pods {
			if p.victim != nil && p.victim.condemned.IsZero() {
				have++
			}
		}
		state := f.Registry.Snapshot()
		for _, in := range state.RemovalOrder() {
			if have >= n {
				break
			}
			if p := f.find(in.ID); p != nil && p.victim == nil && p.listed && p.seen.usable() {
				p.victim = &victim{since: time.Now()}
				f.beginDrain(p, reason)
				have++
			}
		}
		done = f.finished(n)
	})
	return done
}

// finished returns victims that have no more requests, or have had their time. It gives those
// back that are too many.
func (f *Fleet) finished(n int) (done []choice) {
	settle := f.settings.paceOf().settle
	have, young := 0, false
	for _, p := range f.inOrder() {
		if p.victim == nil || !p.victim.condemned.IsZero() {
			continue
		}
		have++
		if have > n {
			p.victim = nil // its cost stays low: it is the next one to go anyway
			continue
		}
		drained := false
		select {
		case <-p.drained:
			drained = true
		default:
		}
		if drained || time.Since(p.victim.since) >= f.settings.DrainTimeout {
			done = append(done, choice{p.id, p.seen.pod})
			continue
		}
		f.awaitDrained(p)
		young = young || time.Since(p.victim.since) < settle
	}
	if young {
		return nil
	}
	return done
}

// awaitDrained has the steward look when a victim has finished.
func (f *Fleet) awaitDrained(p *pod) {
	if p.victim.awaited || f.spawn == nil {
		return
	}
	p.victim.awaited = true
	drained := p.drained
	f.spawn(func(ctx context.Context) {
		select {
		case <-drained:
			f.wakeSteward()
		case <-ctx.Done():
		}
	})
}

// find returns the pod of an instance, or nil.
func (f *Fleet) find(id registry.ID) *pod {
	for _, p := range f.pods {
		if p.id == id {
			return p
		}
	}
	return nil
}

// condemn notes when the Deployment is scaled down for these pods; zero: it is not.
func (f *Fleet) condemn(these []choice, at time.Time) {
	f.call(func() {
		for _, c := range these {
			if p := f.find(c.id); p != nil && p.victim != nil {
				p.victim.condemned = at
			}
		}
	})
}

// spare takes the victims back into service for which the Deployment has not been scaled down,
// and those that have not gone though it was: another pod has gone.
func (f *Fleet) spare() {
	f.call(func() {
		for _, p := range f.inOrder() {
			switch {
			case p.victim == nil:
			case p.victim.condemned.IsZero(), p.listed && p.seen.usable() && time.Since(p.victim.condemned) > goneWithin:
				p.victim = nil
			}
		}
		f.reviewPods()
	})
}

// victims returns how many victims there are.
func (f *Fleet) victims() (n int) {
	f.call(func() {
		for _, p := range f.pods {
			if p.victim != nil {
				n++
			}
		}
	})
	return n
}
