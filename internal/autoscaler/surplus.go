package autoscaler

import (
	"math"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// spansPerIdle is into how many spans the time before a removal is divided. The
	// busiest span counts, so one quiet moment never removes an instance.
	spansPerIdle = 10
	// downUtilization is the part of the remaining instances' capacity that the load of
	// the busiest span may use. It is less than what makes the target rise.
	downUtilization = 0.6
	// spanDoubt is doubt for the arrivals of a span: with 2, an app with few requests
	// would keep nothing; with 0, the busiest of ten spans is too often a coincidence.
	spanDoubt = 1.0
)

// span is a part of the time before a removal.
type span struct {
	from     time.Time
	arrivals uint64 // at from
	loads    float64
	count    int
}

// surplus finds instances that the load does not need although all of them get
// requests. The ones beyond what is needed become a reserve (see registry.Reserve), so
// that they become idle and the policy removes them.
type surplus struct {
	spans []span // oldest first
}

// observe adds a sample, and reports whether a span began with it.
func (u *surplus) observe(now *registry.Snapshot, load float64, idle time.Duration) (next bool) {
	width := idle / spansPerIdle
	if n := len(u.spans); n == 0 || now.Time.Sub(u.spans[n-1].from) >= width {
		u.spans = append(u.spans, span{from: now.Time, arrivals: now.Arrivals})
		next = true
		if over := len(u.spans) - (spansPerIdle + 1); over > 0 {
			u.spans = append(u.spans[:0], u.spans[over:]...)
		}
	}
	last := &u.spans[len(u.spans)-1]
	last.loads += load
	last.count++
	return next
}

// needed returns how many instances the busiest of the complete spans needs, and the
// average load over all of them. ok is false until they cover the whole time.
func (u *surplus) needed(up, capacity float64) (n int, load float64, ok bool) {
	if len(u.spans) <= spansPerIdle {
		return 0, 0, false
	}
	peak, rate := 0.0, 0.0
	for i := range u.spans[:len(u.spans)-1] {
		s, next := &u.spans[i], &u.spans[i+1]
		mean := s.loads / float64(max(1, s.count))
		arrived := float64(next.arrivals - s.arrivals)
		load += mean / float64(len(u.spans)-1)
		peak = max(peak, mean)
		rate = max(rate, (arrived-spanDoubt*math.Sqrt(arrived))/next.from.Sub(s.from).Seconds())
	}
	n = ceil(peak / up)
	if capacity > 0 {
		n = max(n, ceil(rate/capacity/downUtilization))
	}
	return n, load, true
}

// reserve tells the registry how many instances are not needed, and removes them when
// they have been idle for long enough. That is the rule of the policy, but it does not
// wait for the end of a window.
func (s *Scaler) reserve(now *registry.Snapshot) {
	thresholds := s.settings.Thresholds
	n, load, ok := s.surplus.needed(thresholds.Up, s.demand.capacity(now))
	keep := s.target
	if ok && s.holdUntil.IsZero() && load < thresholds.Down*float64(s.used()) && now.Time.Sub(s.raised) >= s.idle() {
		keep = max(1, s.withSpare(n))
	}
	bound := ceil(overloadFactor * thresholds.Up)
	if now.Concurrency > 0 {
		bound = min(bound, now.Concurrency)
	}
	unneeded := max(0, s.target-keep)
	s.Pool.Reserve(unneeded, bound)
	if unneeded > 0 && idlers(now, s.idle(), s.raised) >= unneeded {
		s.rule = RuleReserve
		s.apply(Input{
			Target: s.target, Spare: s.settings.Spare, Load: load, Idle: unneeded, Window: s.settings.Idle, IdleFor: s.idle(), Bounds: s.settings.Bounds,
		})
	}
}
