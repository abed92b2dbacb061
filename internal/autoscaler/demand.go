package autoscaler

import (
	"math"
	"slices"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// demand is what was seen of the requests lately.
type demand struct {
	ticks []tick // oldest first
	// saturated is what instances did while requests waited for them.
	saturated struct{ responses, seconds float64 }
}

// tick is one sample.
type tick struct {
	at       time.Time
	arrivals uint64 // requests so far
	load     float64

	responses uint64
	busy      int // ready instances, all of them with as much work as they can do at once; 0: not all
}

// doubt is by how many standard deviations of a Poisson process the arrivals of a
// short window may be a coincidence.
const doubt = 2.0

// history is how many short windows of samples are kept.
const history = 4

// observe adds a sample and forgets old ones.
func (d *demand) observe(now *registry.Snapshot, load float64, settings Settings) {
	next := tick{now.Time, now.Arrivals, load, now.Responses, saturatedInstances(now)}
	if len(d.ticks) > 0 {
		last, s := &d.ticks[len(d.ticks)-1], &d.saturated
		seconds := next.at.Sub(last.at).Seconds()
		fade := math.Exp(-seconds / saturatedMemory.Seconds())
		if next.busy > 0 && last.busy == next.busy {
			s.responses = fade*s.responses + float64(next.responses-last.responses)
			s.seconds = fade*s.seconds + seconds*float64(next.busy)
		}
	}
	d.ticks = append(d.ticks, next)
	first, span := 0, history*settings.short()
	for first < len(d.ticks)-2 && now.Time.Sub(d.ticks[first+1].at) >= span {
		first++
	}
	d.ticks = append(d.ticks[:0], d.ticks[first:]...)
}

const (
	// saturatedMemory is the time constant with which the measured capacity fades.
	saturatedMemory = 2 * time.Second
	// enoughResponses is how many responses a measured capacity must stand on.
	enoughResponses = 10
)

// saturatedInstances returns how many instances are ready if all of them have at least as many
// requests as they work on at the same time and some wait, or 0.
func saturatedInstances(now *registry.Snapshot) int {
	ready, inside := 0, 0
	for i := range now.Instances {
		in := &now.Instances[i]
		if in.State != registry.Ready || in.Staged {
			continue
		}
		ready++
		if now.Concurrency == 0 || in.Working() < now.Concurrency {
			return 0
		}
		inside += in.Working() - now.Concurrency
	}
	if now.Waiting == 0 && inside < ready {
		return 0
	}
	return ready
}

// capacity returns how many responses per second an instance gives when it has as much
// work as it can do: as measured lately, or else as the registry has learned; 0 when
// that is not known. What was measured in a moment in which the machine did other work
// counts no less than half of what was learned.
func (d *demand) capacity(now *registry.Snapshot) float64 {
	if s := &d.saturated; s.responses >= enoughResponses && now.Concurrency > 0 {
		return max(s.responses/s.seconds, now.Capacity/2)
	}
	return now.Capacity
}

// since returns the newest tick that is at least as old as the given time, or the
// oldest one.
func (d *demand) since(span time.Duration) (from, to tick) {
	to = d.ticks[len(d.ticks)-1]
	for _, from = range slices.Backward(d.ticks) {
		if to.at.Sub(from.at) >= span {
			break
		}
	}
	return from, to
}

// rate returns the arrivals per second: the highest rate of those that the arrivals
// of several short windows prove. The shortest one sees a step of the load at once,
// and the longest one is the most exact.
func (d *demand) rate(short time.Duration) float64 {
	highest := 0.0
	for _, span := range []time.Duration{short / 5, short / 2, short, 2 * short} {
		from, to := d.since(span)
		seconds := to.at.Sub(from.at).Seconds()
		if seconds <= 0 {
			continue
		}
		n := float64(to.arrivals - from.arrivals)
		highest = max(highest, (n-doubt*math.Sqrt(n))/seconds)
	}
	return highest
}

// mean returns the arrivals per second over a span.
func (d *demand) mean(span time.Duration) float64 {
	from, to := d.since(span)
	if seconds := to.at.Sub(from.at).Seconds(); seconds > 0 {
		return float64(to.arrivals-from.arrivals) / seconds
	}
	return 0
}

// standing reports whether requests have waited all the time of the short window: a
// queue that empties now and then is a burst (CoDel draws the line in the same way).
func (d *demand) standing(short time.Duration) bool {
	last := d.ticks[len(d.ticks)-1].at
	for i := len(d.ticks) - 1; i >= 0 && last.Sub(d.ticks[i].at) < short; i-- {
		if d.ticks[i].busy == 0 {
			return false
		}
	}
	return d.full(short)
}

// load returns the average load over the short window.
func (d *demand) load(short time.Duration) float64 {
	sum, n := 0.0, 0
	last := d.ticks[len(d.ticks)-1].at
	for i := len(d.ticks) - 1; i >= 0 && last.Sub(d.ticks[i].at) < short; i-- {
		sum, n = sum+d.ticks[i].load, n+1
	}
	return sum / float64(max(1, n))
}

// full reports whether the ticks reach back over the whole short window.
func (d *demand) full(short time.Duration) bool {
	return len(d.ticks) > 0 && d.ticks[len(d.ticks)-1].at.Sub(d.ticks[0].at) >= short
}

// bootTime is how long instances take to become ready.
type bootTime struct {
	mean time.Duration // zero before the first
	seen time.Time     // when the last of those in mean became ready
}

// observe adds the instances that have become ready.
func (b *bootTime) observe(now *registry.Snapshot) {
	seen := b.seen
	for i := range now.Instances {
		in := &now.Instances[i]
		if in.ReadyAt.IsZero() || !in.ReadyAt.After(b.seen) {
			continue
		}
		took := in.ReadyAt.Sub(in.Started)
		if b.mean == 0 {
			b.mean = took
		}
		b.mean += (took - b.mean) / 4
		if in.ReadyAt.After(seen) {
			seen = in.ReadyAt
		}
	}
	b.seen = seen
}
