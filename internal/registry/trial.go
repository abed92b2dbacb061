package registry

import "time"

// limitTrial compares the throughput with the limit and with about twice the limit, when
// requests wait because of it. What is observed without interfering cannot tell an
// instance that lets requests wait from slow work, which makes requests overlap too;
// this can. The limit stands if twice as many requests give no more responses. If they
// do, the limit is lifted, and not set again for a time that doubles.
type limitTrial struct {
	phase     phase
	confirmed bool          // the present limit has stood a trial
	until     time.Duration // no trial before that
	since     time.Duration // when the phase began
	responses uint64        // before that
	ready     int           // instances; a trial with others is not one
	rate      float64       // responses of an instance per second, with the limit
	left      uint64        // requests that ended without a response in the phase
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
	// clearedFor is the time for which a limit that was lifted is not set again at first.
	clearedFor = time.Minute
	maxClears  = 5
)

// trialInput is what a trial sees at a response.
type trialInput struct {
	waiting   bool   // whether requests wait
	responses uint64 // so far
	ready     int    // instances
}

// try continues the trial, and reports whether the limit may have changed.
func (c *concurrency) try(now time.Duration, in trialInput) (changed bool) {
	t := &c.trial
	i := c.refuted()
	switch {
	case i == 0:
		*t = limitTrial{}
		return false
	case t.phase == resting && in.waiting && now >= t.until:
		t.begin(limited, now, in)
		return false
	case t.phase == resting:
		return false
	case t.phase == limited && (!in.waiting || in.ready != t.ready):
		t.phase = resting
		return false
	case t.phase == raised && in.ready != t.ready:
		t.phase = resting
		return true
	}
	took := now - t.since
	got := in.responses - t.responses
	if took < minTrial || got < trialResponses && took < maxTrial {
		return false
	}
	if t.left > got/maxLeft { // instances may work on these too, which gives no response
		t.phase = resting
		return true
	}
	rate := float64(got) / took.Seconds() / float64(max(1, in.ready))
	if t.phase == limited {
		t.rate = rate
		t.begin(raised, now, in)
		return true
	}
	t.phase = resting
	if gains := rate > trialGain*t.rate || rate > someGain*t.rate && !in.waiting; gains && t.confirmed {
		t.confirmed, t.until = false, 0 // once is a coincidence
		return true
	} else if gains {
		p := &c.pairs[i]
		*p = pair{cleared: now + clearedFor<<p.clears, clears: min(p.clears+1, maxClears)}
		*t = limitTrial{}
		return true
	}
	t.confirmed, t.until = true, now+tryAgain
	return true
}

// begin begins a phase.
func (t *limitTrial) begin(p phase, now time.Duration, in trialInput) {
	t.phase, t.since, t.responses, t.ready, t.left = p, now, in.responses, in.ready, 0
}
