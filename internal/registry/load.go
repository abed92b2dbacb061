package registry

import (
	"math"
	"time"
)

const (
	// latencyDecay is the time constant of the average response time: after that
	// time the weight of a sample is 1/e.
	latencyDecay = 10 * time.Second
	// latencyFree is the response time that adds no load, and latencyPerLoad is the
	// time above it that adds as much as one request in flight.
	latencyFree    = 100 * time.Millisecond
	latencyPerLoad = time.Second
)

// latency is the decaying average of an instance's response times. All times
// are since Registry.base.
type latency struct {
	average     time.Duration
	last        time.Duration // of the last sample
	lastSuccess time.Duration // of the last sample that was not a 5xx
	sampled     bool
}

// observe adds a sample. Its weight depends on the time since the previous sample,
// not on the number of samples, so a burst counts as one moment.
func (l *latency) observe(now, sample time.Duration, ok bool) {
	weight := 1.0
	if l.sampled {
		weight = gained(now-l.last, latencyDecay)
	}
	l.average += time.Duration(weight * float64(sample-l.average))
	l.last, l.sampled = now, true
	if ok {
		l.lastSuccess = now
	}
}

// gained returns 1 - e^(-d/constant): the weight of a sample that comes the time d after
// the previous one. Responses usually follow each other closely, where two terms of the
// series are exact to seven digits and take a tenth of the time.
func gained(d, constant time.Duration) float64 {
	x := float64(d) / float64(constant)
	if x < 1e-3 {
		return x - x*x/2
	}
	return -math.Expm1(-x)
}

// load returns the number of requests and what slow responses add to it. The
// latter fades with the time since the last response, so the load of an idle
// instance goes to 0.
func (l *latency) load(now time.Duration, working int32) float64 {
	n := float64(working)
	if l.average <= latencyFree {
		return n
	}
	faded := float64(l.average) * math.Exp(-float64(now-l.last)/float64(latencyDecay))
	return n + max(0, (faded-float64(latencyFree))/float64(latencyPerLoad))
}
