package registry

import (
	"math"
	"slices"
	"time"
)

// minShare is the part of its share that an instance gets at first with
// Options.SlowStart: without any request it would never become faster.
const minShare = 0.1

// shareLocked returns the part of its share of the requests that an instance gets: it
// grows from minShare to 1 in the time of Options.SlowStart after the instance was ready
// for the first time.
func (r *Registry) shareLocked(in *instance, now time.Duration) float64 {
	if r.options.SlowStart <= 0 || in.about.readyAt.IsZero() {
		return 1
	}
	age := now - in.about.readyAt.Sub(r.base)
	return min(1, max(minShare, float64(age)/float64(r.options.SlowStart)))
}

// youngLocked returns how many requests in flight a new instance counts as, so that it
// gets its part of what the others have on average, which is grown; see grownLocked. At
// least one: as long as another instance is idle, that one gets the request. When all are
// new, all are alike.
func (r *Registry) youngLocked(in *instance, now time.Duration, grown float64) int32 {
	share := r.shareLocked(in, now)
	if share == 1 || grown < 0 {
		return 0
	}
	return int32(min(math.Ceil((1-share)*max(1, grown)), maxWeighted))
}

// grownLocked returns how many requests in flight the instances that are not new have on
// average; -1 if all are new.
func (r *Registry) grownLocked(now time.Duration) float64 {
	if r.options.SlowStart <= 0 {
		return -1 // none is new
	}
	n, working := 0.0, 0.0
	for _, in := range r.candidates {
		if r.shareLocked(in, now) == 1 {
			n++
			working += float64(in.traffic.working())
		}
	}
	if n == 0 {
		return -1
	}
	return working / n
}

// matureLocked lets the shares of new instances grow. An instance that is also slow (see
// speed) counts as the greater of the two says.
func (r *Registry) matureLocked(now time.Duration) {
	if r.options.SlowStart <= 0 && !r.young {
		return
	}
	before := r.young
	r.young = slices.ContainsFunc(r.candidates, func(in *instance) bool { return r.shareLocked(in, now) < 1 })
	if r.young || before {
		r.weighAllLocked()
	}
}
