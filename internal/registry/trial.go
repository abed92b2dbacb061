package registry

import (
	"math"
	"time"
)

// limitTrial compares the throughput with the limit and with about twice the limit, when
// requests wait because of it. What is observed without interfering cannot tell an
// instance that lets requests wait from slow work, which makes requests overlap too;
// this can. The limit stands if twice as many requests give no more responses. If they
// do, or if there were more responses before the limit, it is lifted, and not set again
// for a time that doubles.
type limitTrial struct {
	phase     phase
	of        int32         // the limit that is tried, or has stood a trial
	confirmed bool          // it has stood one
	tried     bool          // a trial has ended, with or without a result
	until     time.Duration // no trial before that
	since     time.Duration // when the phase began
	responses uint64        // before that
	ready     int           // instances; a trial with others is not one
	rate      float64       // responses of an instance per second, with the limit
	left      uint64        // requests that ended without a response, so far
	leftAt    uint64        // those of them before the phase
	settled   time.Duration // since when no instance has more requests than the limit
	before    responseRate  // while no request waited because of a limit
}

// phase is the part of a trial.
type phase uint8

const (
	resting phase = iota // requests do not wait, or the limit has just stood a trial
	limited              // requests have waited since the phase began
	raised               // the limit is raised
)

const (
	// minTrial and trialResponses are the time and the responses that a phase of a trial
	// takes at the earliest, and maxTrial is the time after which it ends anyway.
	minTrial, maxTrial = 200 * time.Millisecond, 4 * time.Second
	trialResponses     = 60
	// tryAgain is the time between two trials of a limit that stands.
	tryAgain = 30 * time.Second
	// trialGain is how many times more responses the raised limit must give to be right,
	// and someGain is that if no request waits any more.
	trialGain, someGain = 1.3, 1.2
	// maxLeft is how many responses there must be in a trial for each client that leaves.
	maxLeft = 20
	// doubt is by how many standard deviations the responses of two times may differ by
	// chance.
	doubt = 2.0
	// rateMemory is the part that a window leaves of the highest rate before it.
	rateMemory = 0.9
	// clearedFor is the time for which a limit that was lifted is not set again at first.
	clearedFor = time.Minute
	maxClears  = 5
)

// trialInput is what a trial sees at a response.
type trialInput struct {
	waiting   bool   // whether requests wait
	excess    bool   // whether an instance still has more requests than the limit
	responses uint64 // so far
	ready     int    // instances
}

// try continues the trial, and reports whether the limit may have changed.
func (c *concurrency) try(now time.Duration, in trialInput) (changed bool) {
	t := &c.trial
	of := c.useful()
	if of == 0 || t.phase == resting && !in.waiting {
		t.before.observe(now, in, t.left)
	}
	if of < t.of || of > t.of && t.phase != resting { // another limit has not stood anything
		changed = t.phase == raised
		*t = limitTrial{before: t.before, left: t.left, tried: t.tried && of > 0}
	}
	switch {
	case of == 0 || changed:
		return changed
	case t.phase == resting && in.waiting && now >= t.until:
		t.of = of
		t.begin(limited, now, in)
		return false
	case t.phase == resting:
		return false
	case t.phase == limited && (!in.waiting || in.ready != t.ready):
		t.phase = resting
		return false
	case t.phase == raised && in.ready != t.ready:
		t.phase, t.tried = resting, true
		return true
	case t.phase == limited && in.excess && now-t.since < maxTrial:
		t.responses = in.responses // these are responses to more requests than the limit
		t.settled = now
		return false
	}
	return c.compare(now, in)
}

// compare ends the phase of the trial when it is long enough, and reports whether the
// limit may have changed.
func (c *concurrency) compare(now time.Duration, in trialInput) (changed bool) {
	t := &c.trial
	took := now - max(t.since, t.settled)
	got := in.responses - t.responses
	rate := float64(got) / took.Seconds() / float64(max(1, in.ready))
	if t.phase == limited && took >= minTrial && t.before.exceeds(rate, got, t.left) {
		c.lift(now)
		return true
	}
	if took < minTrial || got < trialResponses && took < maxTrial {
		return false
	}
	if t.left-t.leftAt > got/maxLeft { // instances may work on these too, which gives no response
		t.phase, t.tried = resting, true
		return true
	}
	if t.phase == limited {
		t.rate = rate
		t.begin(raised, now, in)
		return true
	}
	t.phase, t.tried = resting, true
	if gains := rate > trialGain*t.rate || rate > someGain*t.rate && !in.waiting; gains && t.confirmed {
		t.confirmed, t.until = false, 0 // once is a coincidence
		return true
	} else if gains {
		c.lift(now)
		return true
	}
	t.confirmed, t.until = true, now+tryAgain
	return true
}

// lift lifts the limit for a time.
func (c *concurrency) lift(now time.Duration) {
	p := &c.pairs[c.first]
	*p = pair{cleared: now + clearedFor<<p.clears, clears: min(p.clears+1, maxClears)}
	c.findFirst()
	c.trial = limitTrial{before: c.trial.before, left: c.trial.left}
}

// begin begins a phase.
func (t *limitTrial) begin(p phase, now time.Duration, in trialInput) {
	t.phase, t.since, t.responses, t.ready, t.leftAt, t.settled = p, now, in.responses, in.ready, t.left, 0
}

// responseRate is how many responses an instance gave per second.
type responseRate struct {
	perSecond float64 // in the last complete window; 0: there was none
	n         uint64  // responses in it
	leftAt    uint64  // requests that had ended without a response before it
	best      float64 // the highest rate, decaying

	since     time.Duration // of the present window
	responses uint64        // before it
	left      uint64        // before it
	ready     int           // instances in it
}

// observe adds a response. A window has some responses, but ends like an epoch. left is
// how many requests have ended without one.
func (r *responseRate) observe(now time.Duration, in trialInput, left uint64) {
	took, n := now-r.since, in.responses-r.responses
	switch {
	case in.ready != r.ready:
		*r = responseRate{since: now, responses: in.responses, left: left, ready: in.ready, best: r.best}
	case took >= minEpoch && (n >= trialResponses || took >= maxEpoch):
		r.perSecond, r.n, r.leftAt = float64(n)/took.Seconds()/float64(max(1, r.ready)), n, r.left
		if left-r.left <= n { // else the instances have worked on what gave no response
			r.best *= rateMemory
		}
		r.best = max(r.best, r.perSecond)
		r.since, r.responses, r.left = now, in.responses, left
	}
}

// exceeds reports whether the rate was higher than another one, of that many responses,
// beyond what chance explains. When clients have left since then, nothing is known:
// instances may work on their requests, which gives no response.
func (r *responseRate) exceeds(rate float64, n, left uint64) bool {
	if r.n == 0 || n == 0 || left-r.leftAt > (r.n+n)/maxLeft {
		return false
	}
	chance := math.Exp(doubt * math.Sqrt(1/float64(r.n)+1/float64(n)))
	return r.perSecond > trialGain*chance*rate
}

// untried reports whether there is a limit of which nothing is known but the suspicion.
func (c *concurrency) untried() bool { return c.first > 0 && !c.trial.tried }
