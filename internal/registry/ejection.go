package registry

import (
	"fmt"
	"time"
)

// Ejection is Envoy's outlier detection with its defaults: after five failures
// in a row an instance is left out for 30 s, and for 30 s more each time that it
// happens again, 300 s at most.
const (
	ejectAfter      = 5
	defaultEjection = 30 * time.Second
	maxEjections    = 10 // as many base times are the longest
)

// ejectionTime is Options.Ejection, or what that is when it is zero.
func (o *Options) ejectionTime() time.Duration {
	if o.Ejection > 0 {
		return o.Ejection
	}
	return defaultEjection
}

// brokeLocked counts a failure of the kind that ejects an instance when it comes
// several times in a row.
func (r *Registry) brokeLocked(in *instance, now time.Duration, reason string) {
	f := &in.failures
	f.streak++
	if f.streak < ejectAfter || f.ejected || !in.about.state.Routable() || !r.mayEjectLocked() {
		return
	}
	base := r.options.ejectionTime()
	forgiven := int(min((now-f.until)/base, maxEjections)) // one for each base time without
	f.ejections = min(max(0, f.ejections-forgiven)+1, maxEjections)
	lasts := time.Duration(f.ejections) * base
	f.ejected, f.until = true, now+lasts
	r.routeLocked()
	r.reviewInLocked(lasts)
	r.movedLocked(in.id, Unhealthy, fmt.Sprintf("ejected for %v after %d failures in a row: %s", lasts, f.streak, reason))
}

// mayEjectLocked reports whether one more may be ejected: at most half of the
// ready ones are, rounded down. What ails more than that is not theirs alone, and
// the rest could not carry the load.
func (r *Registry) mayEjectLocked() bool {
	ready, ejected := 0, 0
	for _, in := range r.instances {
		if in.about.state.Routable() {
			ready++
			if in.failures.ejected {
				ejected++
			}
		}
	}
	return ejected < ready/2
}

// endEjectionLocked gives in another chance. routeLocked must follow.
func (r *Registry) endEjectionLocked(in *instance) {
	in.failures.ejected, in.failures.streak = false, 0
	if in.about.state.Routable() {
		r.movedLocked(in.id, Ready, "its ejection is over")
	}
}

// routeLocked works out who gets requests: those that are ready and not ejected,
// or else those that are ejected, since trying them is better than nothing.
func (r *Registry) routeLocked() {
	clear(r.ready)
	r.ready = r.ready[:0]
	for _, in := range r.instances {
		if in.about.state.Routable() && !in.failures.ejected {
			r.ready = append(r.ready, in)
		}
	}
	if len(r.ready) > 0 {
		return
	}
	for _, in := range r.instances {
		if in.about.state.Routable() {
			r.ready = append(r.ready, in)
		}
	}
}
