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
	// maxUnsettled is how many response times are multiplied before the logarithm is
	// taken. In nanoseconds, the product of so many of the longest ones is below the
	// largest float64: 2^(63*16).
	maxUnsettled = 16
)

// speed is how fast an instance responds.
type speed struct {
	product   float64       // of the response times in nanoseconds that mean does not have yet
	unsettled int           // how many these are
	last      time.Duration // of the last sample, since Registry.base

	mean    float64       // of the logarithms of the response times in seconds, decaying
	n       float64       // samples in it
	settled time.Duration // of the last sample in it
	factor  float64       // how many times slower than the median; 0: it is not slow
}

// observe adds a response that took the given time. The mean is that of logarithms, so
// that a single request that takes very long does not matter. The logarithm of a product
// is the sum of the logarithms, so one logarithm does for many responses.
func (s *speed) observe(now, took time.Duration) {
	if s.unsettled == 0 {
		s.product = 1
	}
	s.product *= float64(max(took, time.Microsecond))
	s.unsettled++
	s.last = now
	if s.unsettled == maxUnsettled {
		s.settle()
	}
}

// settle brings the mean up to date. The samples since the last time count as one moment.
func (s *speed) settle() {
	if s.unsettled == 0 {
		return
	}
	more := float64(s.unsettled)
	sum := math.Log(s.product) - more*math.Log(float64(time.Second))
	s.n = s.n*math.Exp(-float64(s.last-s.settled)/float64(slowMemory)) + more
	s.mean += (sum - more*s.mean) / s.n
	s.settled, s.unsettled = s.last, 0
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
		in.speed.settle()
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

// slowMayServeLocked reports whether a slow instance that was picked is to get the request.
// When the others are at the cap, it gets the request only if the requests that wait would
// wait for these for as long as the slow one takes.
func (r *Registry) slowMayServeLocked(in *instance) bool {
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
