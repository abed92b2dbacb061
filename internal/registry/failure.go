package registry

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	// failureDecay is the time constant at which failures are forgotten. It is
	// that of the response time, so that an instance's load and its failures speak
	// of the same ten seconds.
	failureDecay = latencyDecay
	// failureMargin is how many requests an instance may fall behind the busiest
	// one, however often it failed. Without an end to it, an instance without a
	// past would get all requests after an outage, for as long as the others' fade;
	// with less, one that fails half of its requests would be chosen as often as
	// one that fails none.
	failureMargin = 10
	// reviewInterval is how often the penalties are lowered, while there are any: a
	// fortieth of failureDecay, so that one falls by at most 2.5 % at once.
	reviewInterval = failureDecay / 40
)

// failures is what an instance has failed at.
type failures struct {
	score  float64       // how many there were, those of the past less and less
	at     time.Duration // when score was right, since Registry.base
	streak int           // gateway errors and broken exchanges in a row

	ejections int           // how many there were, but for those that are forgiven
	until     time.Duration // end of the last one, since Registry.base
	ejected   bool          // it has not come yet
}

// fade brings the score up to date.
func (f *failures) fade(now time.Duration) {
	f.score *= math.Exp(-float64(now-f.at) / float64(failureDecay))
	f.at = now
}

// penalty is the score as requests in flight: all but one. One error is no
// pattern, and sends nobody elsewhere.
func (f *failures) penalty() int32 { return int32(max(0, math.Round(f.score)-1)) }

// Responded reports that the instance sent a response header after the given
// time, with the given status. A 5xx counts against it when the next requests
// are given out, for some ten seconds; 502, 503 and 504 also as Failed does.
func (l Lease) Responded(after time.Duration, status int) {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Since(r.base)
	ok := status < http.StatusInternalServerError
	l.in.traffic.latency.observe(now, after, ok)
	l.in.progressed(now)
	if s := &l.in.slots[l.slot]; s.turn == l.turn {
		s.responded = true
	}
	switch {
	case ok:
		l.in.failures.streak = 0
	case status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout:
		r.failLocked(l.in, now)
		r.brokeLocked(l.in, now, "status "+strconv.Itoa(status))
	default:
		r.failLocked(l.in, now)
		l.in.failures.streak = 0
	}
}

// Failed reports that the instance did not respond as it should: no connection
// to it could be made, though it was not refused; it broke the exchange off
// before the end of a response header, or did not respond in time; or what it
// sent is no response. reason tells people which. It counts as a 5xx does. Five
// times in a row, or a 502, 503 or 504, eject the instance: it gets no requests
// for a while, as long as there are others (see Instance.EjectedUntil).
func (l Lease) Failed(reason string) {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Since(r.base)
	r.failLocked(l.in, now)
	r.brokeLocked(l.in, now, reason)
}

// failLocked counts a failure against in when the next requests are given out.
func (r *Registry) failLocked(in *instance, now time.Duration) {
	busiest := int32(0)
	for _, x := range r.ready {
		busiest = max(busiest, x.traffic.inFlight)
	}
	f := &in.failures
	f.fade(now)
	f.score = min(f.score+1, float64(busiest)+failureMargin)
	in.traffic.penalty = f.penalty()
	r.reviewInLocked(reviewInterval)
}

// review lets what has failed in the past count less, and brings back who was
// ejected for long enough. It is called as long as there is something to look at.
func (r *Registry) review() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reviewDue = 0
	now := time.Since(r.base)
	back := false
	for _, in := range r.instances {
		f := &in.failures
		f.fade(now)
		in.traffic.penalty = f.penalty()
		if in.traffic.penalty > 0 {
			r.reviewInLocked(reviewInterval)
		}
		if f.ejected && f.until <= now {
			r.endEjectionLocked(in)
			back = true
		}
		if f.ejected {
			r.reviewInLocked(f.until - now)
		}
	}
	if back {
		r.routeLocked()
		r.dispatchLocked()
	}
}

// reviewInLocked has review called after d, or before.
func (r *Registry) reviewInLocked(d time.Duration) {
	due := time.Since(r.base) + d
	switch {
	case r.closed, r.reviewDue != 0 && r.reviewDue <= due:
		return
	case r.reviewer == nil:
		r.reviewer = time.AfterFunc(d, r.review)
	default:
		r.reviewer.Reset(d)
	}
	r.reviewDue = due
}
