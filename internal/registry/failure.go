package registry

import (
	"math"
	"net/http"
	"strconv"
	"time"
)

const (
	// failureDecay is the time constant with which failures fade. It is that of the
	// response time, so load and failures of an instance describe the same ten
	// seconds.
	failureDecay = latencyDecay
	// failureMargin is the maximum number of requests in flight by which an instance
	// with failures may fall behind the busiest one. Without a maximum, a new instance
	// would get all requests after an outage until the failures of the others have
	// faded. With a smaller one, an instance that fails half of its requests would be
	// picked as often as one that fails none.
	failureMargin = 10
	// reviewInterval is the time between two updates of the penalties: a fortieth of
	// failureDecay, so a penalty falls by at most 2.5 % at once.
	reviewInterval = failureDecay / 40
)

// failures are those of one instance.
type failures struct {
	score float64       // decaying number of failures
	at    time.Duration // of the last update of score, since Registry.base
	total uint64        // all of them

	streak   int      // gateway errors and broken exchanges in a row
	reason   string   // of the last one of these, for people
	evidence evidence // what they have in common

	ejections int           // number of ejections, without the forgiven ones
	until     time.Duration // end of the last ejection, since Registry.base
	ejected   bool          // whether that is still to come
}

// fade updates the score.
func (f *failures) fade(now time.Duration) {
	f.score *= math.Exp(-float64(now-f.at) / float64(failureDecay))
	f.at = now
}

// endStreak notes that something other than a gateway error came of a request.
func (f *failures) endStreak() {
	if f.streak > 0 {
		f.streak, f.reason, f.evidence = 0, "", evidence{}
	}
}

// penalty returns the score as a number of requests in flight, without the first
// failure: a single error is no pattern and does not change the pick.
func (f *failures) penalty() int32 { return int32(max(0, math.Round(f.score)-1)) }

// Responded reports that the instance sent a response header with the given status
// after the given time. A 5xx counts against the instance in the picks of the next
// ten seconds or so; 502, 503 and 504 also count like Failed.
func (l Lease) Responded(after time.Duration, status int) {
	if l.in == nil {
		return
	}
	l.in.served.add(status, after)
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	l.respondedLocked(r.elapsed(), after, status)
}

// Completed is Responded and then Release, for a response that is there as a whole. It
// takes the lock once for both.
func (l Lease) Completed(after time.Duration, status int) {
	if l.in == nil {
		return
	}
	l.in.served.add(status, after)
	r := l.in.registry
	r.mu.Lock()
	now := r.elapsed()
	l.respondedLocked(now, after, status)
	l.releaseLocked(now)
	r.mu.Unlock()
}

// respondedLocked is Responded at the time now.
func (l Lease) respondedLocked(now, after time.Duration, status int) {
	r := l.in.registry
	ok := status < http.StatusInternalServerError
	l.in.traffic.latency.observe(now, after, ok)
	l.in.progressed(now)
	origin := l.originLocked()
	if s := &l.in.slots[l.slot]; s.turn == l.turn {
		if !s.responded {
			r.responses++
			r.served += after
			if ok && !s.stream && len(r.split.staged) > 0 {
				r.sampleLocked(l.in).observe(after)
			}
			if ok && !s.stream && !l.in.staged {
				r.learnLocked(now, s.level, l.in.traffic.working(), after)
				r.paceLocked(l.in, now, after)
			}
		}
		if s.broke { // and then it was sent again: the instance had not died
			s.broke, s.alone, l.in.breaks = false, false, breaks{}
		}
		if b := &l.in.breaks; b.claims > 0 && s.claim > b.claims { // the instance has lived on
			*b = breaks{}
		}
		s.responded = true
	}
	switch {
	case ok:
		r.succeededLocked(l.in, origin, now)
	case status >= http.StatusBadGateway && status <= http.StatusGatewayTimeout:
		l.failedLocked(now)
		r.brokeLocked(l.in, origin, now, "status "+strconv.Itoa(status))
	default:
		l.failedLocked(now)
		l.in.failures.endStreak()
	}
}

// Unreachable is Failed for a connection that could not be made. It counts against the
// instance whatever the request was.
func (l Lease) Unreachable(reason string) {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.elapsed()
	l.failedLocked(now)
	r.brokeLocked(l.in, Origin{}, now, reason)
	if r.options.Remote && l.in.about.state.Routable() && len(r.candidates) > 1 {
		_ = r.transitionLocked(l.in, Unhealthy, reason) // cannot fail from Ready
		r.suspectLocked(l.in)
	}
}

// Failed reports a failure of the instance, with a reason for people: it ended the
// connection before the end of a response header, did not respond in time, or sent an
// invalid response. A failure counts like a 5xx. Five in a row, including responses of
// 502, 503 and 504, eject the instance: it gets no requests for some time, as long as
// there are others (see Instance.EjectedUntil). Failures that may be due to one client or
// one kind of request do not eject it (see Preference.Origin).
func (l Lease) Failed(reason string) {
	if l.in == nil {
		return
	}
	r := l.in.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.elapsed()
	l.failedLocked(now)
	r.brokeLocked(l.in, l.originLocked(), now, reason)
}

// failedLocked counts a failure of the request against its instance.
func (l Lease) failedLocked(now time.Duration) {
	if s := &l.in.slots[l.slot]; s.turn == l.turn {
		s.failed = true
	}
	l.in.registry.failLocked(l.in, now)
}

// failLocked counts a failure against in for the next picks.
func (r *Registry) failLocked(in *instance, now time.Duration) {
	busiest := int32(0)
	for _, x := range r.candidates {
		busiest = max(busiest, x.traffic.working())
	}
	f := &in.failures
	f.fade(now)
	f.total++
	f.score = min(f.score+1, float64(busiest)+failureMargin)
	r.weighAllLocked()
	r.reviewInLocked(reviewInterval)
}

// review lowers the penalties as failures fade, and ends the ejections that are over.
// It is called as long as there is a penalty or an ejection.
func (r *Registry) review() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reviewDue = 0
	now := r.elapsed()
	back := false
	for _, in := range r.instances {
		f := &in.failures
		f.fade(now)
		if f.penalty() > 0 {
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
		r.updateCandidatesLocked()
		r.dispatchLocked()
	}
	r.weighAllLocked()
}

// reviewInLocked makes review run after d, or earlier.
func (r *Registry) reviewInLocked(d time.Duration) {
	due := r.elapsed() + d
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
