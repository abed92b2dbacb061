package autoscaler

import (
	"fmt"
	"math"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// overloadFactor is how many times the threshold the average load of the short window must
	// be to raise the target before the window ends: the panic threshold of Knative.
	overloadFactor = 2
	// utilization is the part of the instances' capacity that the load may use when the
	// target rises because requests wait. With less of it left, the wait grows steeply.
	utilization = 0.8
	// minAbsorb and maxAbsorb bound the time in which the requests are to be absorbed that
	// wait for the first instances, which is that of a start.
	minAbsorb = 250 * time.Millisecond
	maxAbsorb = 2 * time.Second
	// minPatience is the wait that does not matter.
	minPatience = 20 * time.Millisecond
)

// catchUp raises the target between the ends of two windows. It acts on what the
// registry knows at once: nothing runs, requests wait, or the load of a short window is
// far above the threshold. It never lowers the target.
//
// The size comes from the work: the arrivals of the last moments, in instances that each
// give a known number of responses per second (Little's law), at the utilization that
// leaves room for chance. Knative's autoscaler reacts to the same two windows, but sizes
// by concurrency alone; in a queue that grows, concurrency says how late one is, not how
// many instances are missing.
func (s *Scaler) catchUp(now *registry.Snapshot) {
	w := s.work(now)
	var n int
	var reason string
	switch {
	case s.target == 0 || w.capacity == 0 && now.Time.Sub(s.woken) < w.short:
		s.rule = RuleZero
		n, reason = s.wake(w)
	case w.capacity == 0:
		s.rule = RuleLoad
		n, reason = s.overload(w)
	default:
		s.rule = RuleQueue
		n, reason = s.backlog(w)
	}
	if n == 0 {
		return
	}
	n = s.withSpare(n)
	if n > s.target && s.change(n, fmt.Sprintf("%s: %d -> %d%s", reason, s.target, n, spareText(s.settings.Spare))) {
		s.restart(now.Time)
	}
}

// work is what there is to do at one moment.
type work struct {
	*registry.Snapshot
	short           time.Duration
	rate            float64 // arrivals per second
	capacity        float64 // responses per second of an instance; 0: not known
	starting, ready int
	inFlight        int // requests at ready instances, without streams
	excess          int // those of them beyond what their instances work on at once
}

// work returns what there is to do.
func (s *Scaler) work(now *registry.Snapshot) work {
	short := s.settings.short()
	w := work{Snapshot: now, short: short, rate: s.demand.rate(short), capacity: s.demand.capacity(now)}
	for i := range now.Instances {
		in := &now.Instances[i]
		if in.Staged { // it is not one of the target, but its requests are work
			w.inFlight += in.Working()
			continue
		}
		switch in.State {
		case registry.Starting:
			w.starting++
		case registry.Ready:
			w.ready++
			w.inFlight += in.Working()
			if now.Concurrency > 0 {
				w.excess += max(0, in.Working()-now.Concurrency)
			}
		default:
		}
	}
	return w
}

// wake returns how many instances requests need that wait although none was running.
// The requests of a burst do not arrive in the same instant, so it is asked for a
// short window.
func (s *Scaler) wake(w work) (n int, reason string) {
	if w.Waiting == 0 {
		return 0, ""
	}
	requests := float64(w.Waiting + w.inFlight)
	n = ceil(requests / s.settings.Thresholds.Up)
	if w.capacity > 0 {
		n = ceil(requests / w.capacity / s.absorb().Seconds())
	}
	return max(n, 1), fmt.Sprintf("%d requests wait and no instance was running", w.Waiting)
}

// overload returns how many instances bring a load that is far above the threshold
// down to it. Load that built up while no instance was ready is not one.
func (s *Scaler) overload(w work) (n int, reason string) {
	load, up := s.demand.load(w.short), s.settings.Thresholds.Up
	settled := s.demand.full(w.short) && w.ready > 0 && w.Time.Sub(s.booting.seen) >= w.short
	if !settled || load < overloadFactor*up*float64(s.used()) {
		return 0, ""
	}
	return ceil(load / up), fmt.Sprintf("avg load %s >= %d x %s over %v",
		figure(load/float64(s.used())), overloadFactor, figure(up), w.short)
}

// backlog returns how many instances the arrivals need, when requests wait and the
// present ones do not bear the arrivals, or would need too long for what has piled up.
// As long as instances are starting, what piles up starts no more of them.
func (s *Scaler) backlog(w work) (n int, reason string) {
	service := time.Duration(float64(w.Concurrency) / w.capacity * float64(time.Second))
	inside := time.Duration(float64(w.excess) / float64(max(1, w.ready)) * float64(service))
	wait := max(w.LongestWait, inside)
	if wait < max(minPatience, service/2) {
		return 0, ""
	}
	needed := w.rate / w.capacity
	n = ceil(needed / utilization)
	switch {
	case needed > float64(s.used()):
	case w.starting == 0 && s.demand.standing(w.short) && !s.absorbs(w):
		n = max(n, s.used()+1)
	default:
		return 0, ""
	}
	return n, fmt.Sprintf("%d requests wait, the first for %v; %s/s arrive, and an instance responds to %s/s",
		w.Waiting+w.excess, wait.Round(time.Millisecond), figure(w.rate), figure(w.capacity))
}

// absorbs reports whether the instances of the target are known to bear the load and to
// absorb what waits within a window.
func (s *Scaler) absorbs(w work) bool {
	if w.capacity == 0 {
		return false
	}
	spare := float64(s.target)*w.capacity - s.demand.mean(history*w.short)
	return spare*s.settings.Window.Seconds() > float64(w.Waiting+w.excess)
}

// absorb returns the time in which requests are to be absorbed that wait for the first
// instances.
func (s *Scaler) absorb() time.Duration { return min(maxAbsorb, max(minAbsorb, s.booting.mean)) }

// ceil returns the smallest number of instances that is at least n.
func ceil(n float64) int { return int(math.Ceil(min(n, math.MaxInt32))) }
