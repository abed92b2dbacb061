package registry

import (
	"math"
	"time"
)

const (
	// latencyDecay is the time constant of the response time's average: a
	// sample weighs 1/e after it.
	latencyDecay = 10 * time.Second
	// latencyFree is the response time that adds no load, and latencyPerLoad
	// the time above it that weighs as much as one request in flight.
	latencyFree    = 100 * time.Millisecond
	latencyPerLoad = time.Second
)

// latency is the decaying average of an instance's response times. All times
// are since Registry.base.
type latency struct {
	average     time.Duration
	last        time.Duration // when the last sample came
	lastSuccess time.Duration // when the last one that was not a 5xx came
	sampled     bool
}

// observe adds a sample. Its weight depends on the time since the one before,
// not on how many there were, so that a burst counts as one moment.
func (l *latency) observe(now, sample time.Duration, ok bool) {
	weight := 1.0
	if l.sampled {
		weight = -math.Expm1(-float64(now-l.last) / float64(latencyDecay))
	}
	l.average += time.Duration(weight * float64(sample-l.average))
	l.last, l.sampled = now, true
	if ok {
		l.lastSuccess = now
	}
}

// load is the requests in flight, and what slow responses add to them. The
// latter fades as time passes without a response, so that an idle instance's
// load goes to 0.
func (l *latency) load(now time.Duration, inFlight int32) float64 {
	n := float64(inFlight)
	if l.average <= latencyFree {
		return n
	}
	faded := float64(l.average) * math.Exp(-float64(now-l.last)/float64(latencyDecay))
	return n + max(0, (faded-float64(latencyFree))/float64(latencyPerLoad))
}
