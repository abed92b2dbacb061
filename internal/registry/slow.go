package registry

import (
	"math"
	"slices"
	"time"
)

const (
	// slowMemory is the time constant with which samples fade, and slowSamples is how many
	// an instance must have before it is compared. slowDoubt raises slowFrom by the
	// deviation of their mean, about 1.3 over the root of their number with exponential
	// response times: chance must be five times as large.
	slowMemory  = latencyDecay
	slowSamples = 16
	slowDoubt   = 2
	// slowFrom and slowUntil are how many times the median an instance's response time must
	// be to make it slow, and to leave it so.
	slowFrom, slowUntil = 3, 2
	// slowInterval is the time between two comparisons, and slowRetry is the time after
	// which a slow instance gets another request, to see whether it still is.
	slowInterval = 250 * time.Millisecond
	slowRetry    = 5 * time.Second
)

// speed is how fast an instance responds.
type speed struct {
	mean   float64       // of the logarithms of the response times in seconds, decaying
	n      float64       // samples in it
	last   time.Duration // of the last sample, since Registry.base
	factor float64       // how many times slower than the median; 0: it is not slow
}

// observe adds a response that took the given time. The mean is that of logarithms, so
// that a single request that takes very long does not matter.
func (s *speed) observe(now, took time.Duration) {
	s.n = s.n*math.Exp(-float64(now-s.last)/float64(slowMemory)) + 1
	s.mean += (math.Log(max(took, time.Microsecond).Seconds()) - s.mean) / s.n
	s.last = now
}

// paceLocked adds a response of in, and compares the instances when that is due, or in
// is slow and may have been tried again.
func (r *Registry) paceLocked(in *instance, now, took time.Duration) {
	in.speed.observe(now, took)
	if now >= r.slowDue || in.speed.factor > 0 {
		r.slowDue = now + slowInterval
		r.matureLocked(now)
		r.findSlowLocked(now)
	}
}

// findSlowLocked determines which instances are slow. At most half of them are,
// otherwise slow is what the app is.
func (r *Registry) findSlowLocked(now time.Duration) {
	r.means = r.means[:0]
	for _, in := range r.candidates {
		if in.speed.n >= slowSamples {
			r.means = append(r.means, in.speed.mean)
		}
	}
	if len(r.means) == 0 {
		return
	}
	slices.Sort(r.means)
	median := r.means[(len(r.means)-1)/2] // of two, the faster one
	changed := false
	for _, in := range r.candidates {
		s := &in.speed
		factor := math.Exp(s.mean - median)
		if factor < slowUntil || s.factor == 0 && (s.n < slowSamples || factor < slowFrom*math.Exp(slowDoubt/math.Sqrt(s.n))) {
			factor = 0
		}
		s.factor = factor
		slow := int32(min(math.Ceil(factor), maxWeighted))
		if in.traffic.inFlight == 0 && now-s.last >= slowRetry {
			slow = 0
		}
		changed = changed || slow != in.traffic.slow
		in.traffic.slow = slow
	}
	if changed {
		r.weighAllLocked()
	}
}

// worthLocked reports whether a slow instance that was picked is to get the request.
// When the others are at the cap, it is only if the requests that wait would wait for
// these for as long as it takes.
func (r *Registry) worthLocked(in *instance) bool {
	others := 0
	for _, other := range r.candidates {
		if other.traffic.slow > 0 {
			continue
		}
		if other.traffic.inFlight < r.limit {
			return true
		}
		others++
	}
	return float64(r.queue.size+1) >= float64(in.traffic.slow-1)*float64(others)*float64(r.limit)
}
