package kube

import (
	"maps"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// pod is one endpoint, as the loop has it in the registry. The loop owns all fields.
//
//	listed, not ready ──► Starting
//	usable, and answered dynlb's check ──► Ready ◄──► Unhealthy
//	terminating, or a victim ──► Draining; Ready again as the last resort
//	not listed, and idle or dead ──► Stopped
type pod struct {
	id         registry.ID
	seen       endpoint // as last listed
	listed     bool
	state      registry.State
	lastResort bool // Ready, because no usable pod is

	checked bool      // it has answered a check since it was last unusable
	probing bool      // a check is under way
	due     time.Time // of the next check
	failed  int       // checks in a row
	why     string    // what the last failed check said

	drained <-chan struct{} // of its drain
	left    time.Time       // when it was no more listed
	ended   bool            // the registry knows that it has gone
	victim  *victim         // nil: it is none
}

// victim is a pod that is to go when the Deployment is scaled down.
type victim struct {
	since     time.Time
	awaited   bool      // the steward looks when it has finished
	condemned time.Time // when the Deployment was scaled down for it; zero before
}

// pace of checks that are made before their time.
const (
	// firstRecheck is the time after a failed check of a pod that Kubernetes calls ready. It
	// doubles up to CheckInterval.
	firstRecheck = 20 * time.Millisecond
	// maxChecks bounds the checks at the same time.
	maxChecks = 64
	// unlistedLimit is how long pods that answer get requests although the Service lists
	// none at all.
	unlistedLimit = 30 * time.Second
)

// applyPicture carries what has changed in the picture into the registry. It runs in the loop.
func (f *Fleet) applyPicture() {
	all, problem, ok := f.source.picture()
	if !ok || f.stopping {
		return
	}
	if problem != "" {
		f.Board.SetTrouble(problem)
	}
	c := diff(f.last.endpoints, all)
	if !f.last.known { // of another source perhaps
		c = diff(f.present(), all)
	}
	f.last.endpoints, f.last.known = all, true
	for i := range c.appeared {
		f.appear(&c.appeared[i])
	}
	f.dropMissing()
	for i := range c.changed {
		f.change(&c.changed[i])
	}
	for _, k := range c.vanished {
		if p := f.pods[k]; p != nil && p.listed {
			f.vanish(p, len(all) > 0)
		}
	}
	f.reviewPods()
}

// vanish notes that a pod is not listed any more. Its process has gone, or soon will have: what
// breaks now may be sent to another pod, if it may be repeated. What is in flight goes on. A pod
// that is not listed because none is, and was not about to go, may come back.
func (f *Fleet) vanish(p *pod, others bool) {
	p.listed, p.left, p.due = false, time.Now(), time.Time{}
	if p.ended = others || p.seen.terminating; p.ended {
		f.note(f.Registry.Ended(p.id, registry.Ending{Reason: "pod " + p.seen.pod + " has gone"}))
	}
}

// present returns the pods that are listed.
func (f *Fleet) present() map[key]endpoint {
	out := make(map[key]endpoint, len(f.pods))
	for k, p := range f.pods {
		if p.listed {
			out[k] = p.seen
		}
	}
	return out
}

// inOrder returns the pods in an order that does not change.
func (f *Fleet) inOrder() []*pod {
	if f.ordered == nil {
		f.ordered = slices.SortedFunc(maps.Values(f.pods), func(a, b *pod) int { return compareKeys(a.seen.key, b.seen.key) })
	}
	return f.ordered
}

// appear adds a pod, or has one back that was not listed for a while.
func (f *Fleet) appear(e *endpoint) {
	p := f.pods[e.key]
	if p != nil && p.ended {
		f.drop(p)
		p = nil
	}
	if p != nil {
		p.listed = true
		f.change(e)
		return
	}
	id := registry.ID(e.uid) // the same for all balancers, so that sessions are
	if f.find(id) != nil {
		id = "" // it is listed with another port too
	}
	p = &pod{seen: *e, listed: true, state: registry.Starting}
	if !f.takeOver(p, id) {
		p.id = f.Registry.Add(registry.Spec{ID: id, Endpoint: e.address(), Port: e.port, Reason: f.reason})
		f.note(f.Registry.SetHandle(p.id, "pod "+e.pod))
	}
	f.pods[e.key], f.ordered = p, nil
}

// change notes what is new about a pod. A pod that was not ready and is again may have been
// restarted, so what checks have shown of it is forgotten.
func (f *Fleet) change(e *endpoint) {
	p := f.pods[e.key]
	if p == nil {
		return
	}
	if p.seen.host != e.host {
		f.note(f.Registry.SetEndpoint(p.id, e.address()))
	}
	if p.seen.serving != e.serving || p.seen.host != e.host {
		p.checked, p.failed, p.due = false, 0, time.Time{}
	}
	p.seen = *e
}

// reviewPods moves all pods to the states that they are to have, and begins the checks that are
// due. It runs in the loop.
func (f *Fleet) reviewPods() {
	now := time.Now()
	all := f.inOrder()
	for _, p := range all {
		f.judge(p)
	}
	f.reviewLastResort(all, now)
	for _, p := range all {
		if p.drained != nil && f.mayDrop(p, now) {
			f.drop(p)
		}
	}
	f.startChecks(all, now)
	f.reportAge(now)
	f.migrate(now)
}

// judge moves a pod to the state that its entry and its checks call for.
func (f *Fleet) judge(p *pod) {
	usable := p.listed && p.seen.usable() && p.victim == nil && !f.stopping
	switch {
	case usable && p.checked && p.state != registry.Ready:
		f.move(p, registry.Ready, "ready, and answered the health check")
	case usable && p.lastResort:
		p.lastResort = false
	case usable, p.lastResort:
	case !p.listed:
		f.beginDrain(p, "not listed by the Service any more")
	case p.seen.terminating:
		f.beginDrain(p, "terminating")
	case p.victim != nil || f.stopping: // its drain has begun
	case p.state == registry.Ready:
		f.move(p, registry.Unhealthy, "not ready, says Kubernetes")
	}
	if p.victim != nil && p.victim.condemned.IsZero() && !p.seen.usable() && p.listed {
		p.victim = nil // it goes by itself, or is not ready
	}
}

// beginDrain begins the drain of a pod.
func (f *Fleet) beginDrain(p *pod, reason string) {
	p.lastResort = false
	if p.state == registry.Draining {
		return
	}
	drained, err := f.Registry.Drain(p.id, reason)
	f.note(err)
	p.drained, p.state = drained, registry.Draining
}

// move moves a pod to another state.
func (f *Fleet) move(p *pod, to registry.State, reason string) {
	err := f.Registry.Transition(p.id, to, reason)
	if to != registry.Unhealthy { // it is already, if it refused a connection just now
		f.note(err)
	}
	p.state = to
	if to == registry.Ready {
		p.drained = nil
		f.Board.SetTrouble("")
	}
}

// reviewLastResort gives requests to pods that are about to go if no usable one is ready: to
// those that serve while they terminate, and to those that answer although the Service lists
// none at all, which may be a fault of the control plane.
func (f *Fleet) reviewLastResort(all []*pod, now time.Time) {
	usable, listed := 0, 0
	for _, p := range all {
		if p.state == registry.Ready && !p.lastResort {
			usable++
		}
		if p.listed {
			listed++
		}
	}
	for _, p := range all {
		last := usable == 0 && !f.stopping && p.victim == nil && p.checked && (p.listed && p.seen.lastResort() ||
			!p.listed && !p.ended && listed == 0 && now.Sub(p.left) < unlistedLimit)
		switch {
		case last && !p.lastResort:
			p.lastResort = true
			f.move(p, registry.Ready, "the last resort: no other pod is ready")
		case !last && p.lastResort:
			f.beginDrain(p, "no more the last resort")
		}
	}
}

// mayDrop reports whether a pod that drains may be removed: it is not listed, and has no more
// requests or is dead.
func (f *Fleet) mayDrop(p *pod, now time.Time) bool {
	if f.kill {
		return true
	}
	if p.listed && !f.stopping {
		return false
	}
	select {
	case <-p.drained:
		return !p.mayReturn(now) || f.stopping
	default:
		// Its process has gone with its entry, usually; then its requests are sent to
		// another pod, where that does no harm. But a Service may also have lost it.
		return !p.listed && p.failed > 0
	}
}

// mayReturn reports whether a pod that is not listed may be needed as the last resort.
func (p *pod) mayReturn(now time.Time) bool {
	return !p.listed && !p.ended && p.checked && !p.seen.terminating && p.victim == nil && now.Sub(p.left) < time.Second
}

// drop removes a pod.
func (f *Fleet) drop(p *pod) {
	reason := "not listed by the Service any more"
	if f.stopping {
		reason = "shutting down"
	}
	f.note(f.Registry.Transition(p.id, registry.Stopped, reason))
	delete(f.pods, p.seen.key)
	f.ordered = nil // a new one is made: the caller may go through the old one
}

// note logs a step that the registry rejected, if there is one. It is a bug in this package.
func (f *Fleet) note(err error) {
	if err != nil {
		f.Log.Error("registry rejected a step", "error", err)
	}
}
