package registry

import (
	"fmt"
	"time"
)

// Ejection is Envoy's outlier detection with its defaults: after five failures in a
// row an instance gets no requests for 30 s. Each further ejection lasts 30 s
// longer, up to 300 s. Unlike Envoy, it ignores failures that follow a client or a
// kind of request; see Registry.speaksLocked.
const (
	ejectAfter      = 5
	defaultEjection = 30 * time.Second
	maxEjections    = 10 // the longest ejection, in base times
)

// ejectionTime returns Options.Ejection, or its default.
func (o *Options) ejectionTime() time.Duration {
	if o.Ejection > 0 {
		return o.Ejection
	}
	return defaultEjection
}

// brokeLocked counts a failure of the kind that ejects an instance when several
// occur in a row. o is the origin of the request that failed.
func (r *Registry) brokeLocked(in *instance, o Origin, now time.Duration, reason string) {
	f := &in.failures
	f.streak++
	f.reason = reason
	f.evidence.add(o)
	r.failing = true
	r.ejectLocked(in, now)
}

// ejectLocked ejects an instance if its failures in a row are many enough and speak
// against it.
func (r *Registry) ejectLocked(in *instance, now time.Duration) {
	f := &in.failures
	if f.streak < ejectAfter || f.ejected || !in.about.state.Routable() || !r.speaksLocked(in, now) || !r.mayEjectLocked(in) {
		return
	}
	base := r.options.ejectionTime()
	forgiven := int(min((now-f.until)/base, maxEjections)) // one per base time without ejection
	f.ejections = min(max(0, f.ejections-forgiven)+1, maxEjections)
	lasts := time.Duration(f.ejections) * base
	f.ejected, f.until = true, now+lasts
	r.updateCandidatesLocked()
	r.reviewInLocked(lasts)
	r.movedLocked(in.id, Unhealthy, fmt.Sprintf("ejected for %v after %d failures in a row: %s", lasts, f.streak, f.reason))
}

// mayEjectLocked reports whether one more instance like in may be ejected: at most half of
// the ready ones, rounded down. Staged ones are counted apart. When more of them fail, the cause is not theirs
// alone, and the remaining ones could not carry the load.
func (r *Registry) mayEjectLocked(like *instance) bool {
	ready, ejected := 0, 0
	for _, in := range r.instances {
		if in.about.state.Routable() && in.staged == like.staged {
			ready++
			if in.failures.ejected {
				ejected++
			}
		}
	}
	return ejected < ready/2
}

// endEjectionLocked ends the ejection of in. updateCandidatesLocked must follow.
func (r *Registry) endEjectionLocked(in *instance) {
	in.failures.ejected = false
	in.failures.endStreak()
	if in.about.state.Routable() {
		r.movedLocked(in.id, Ready, "its ejection is over")
	}
}

// updateCandidatesLocked determines which instances get requests: the ready ones
// that are not ejected, and that no sibling drains, or all ready ones if there is none. Those that are staged
// stand apart, unless no other is ready.
func (r *Registry) updateCandidatesLocked() {
	clear(r.candidates)
	clear(r.split.staged)
	r.candidates, r.split.staged = r.appendRoutable(r.candidates[:0], false), r.appendRoutable(r.split.staged[:0], true)
	if len(r.candidates) == 0 {
		r.candidates, r.split.staged = append(r.candidates, r.split.staged...), r.split.staged[:0]
	}
	r.weighAllLocked()
}

// appendRoutable appends the instances that get requests, staged ones or others.
func (r *Registry) appendRoutable(list []*instance, staged bool) []*instance {
	before := len(list)
	for _, in := range r.instances {
		if in.staged == staged && in.routable() && !in.failures.ejected && in.abroad.draining == 0 {
			list = append(list, in)
		}
	}
	if len(list) > before {
		return list
	}
	for _, in := range r.instances {
		if in.staged == staged && in.routable() {
			list = append(list, in)
		}
	}
	return list
}

// routable reports whether in may get requests. One that has ended may not, whatever
// state it is in until it is removed.
func (in *instance) routable() bool { return in.about.state.Routable() && !in.hasEnded() }
