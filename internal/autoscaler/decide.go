package autoscaler

import (
	"fmt"
	"math"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
)

// Rules say when to change the number of instances.
type Rules struct {
	// Bounds are the least and the most instances.
	Bounds notice.Bounds
	// Up is the average load per instance above which there should be more.
	Up float64
	// Down is the average load per instance below which there may be fewer.
	Down float64
	// Idle is how long an instance must have been ready and have had nothing to
	// do before it may go.
	Idle time.Duration
	// Window is the time the load is averaged over, and the time between two
	// decisions.
	Window time.Duration
}

// sampling is the time between two looks at the load.
func (r Rules) sampling() time.Duration {
	return min(maxSampling, max(minSampling, r.Window/samplesPerWindow))
}

// input is what a decision rests on.
type input struct {
	target int     // how many instances there should be by now
	load   float64 // of all instances and of those who wait, averaged over the window
	idle   int     // how many may go, see idlers
}

// decide returns how many instances there should be, and why, with the figures;
// the reason is "" when the number stays.
//
// The number is in.target rather than the instances that are ready, so those
// that are still starting count as capacity and a slow start never brings more.
//
// Up: as many as bring the average down to Rules.Up, and at least one more, but
// at most twice as many at once: what is measured while the pool is overrun
// says little about how much it lacks. (Kubernetes' HorizontalPodAutoscaler
// bounds a step by the same factor.)
//
// Down: the idle ones go, as far as those that stay can bear the load.
func decide(in input, rules Rules) (target int, reason string) {
	if target = rules.Bounds.Clamp(in.target); target != in.target {
		return target, fmt.Sprintf("bounds are %d to %d: %d -> %d", rules.Bounds.Min, rules.Bounds.Max, in.target, target)
	}
	if in.target == 0 {
		return fromZero(in, rules)
	}
	average := in.load / float64(in.target)
	needed := int(math.Ceil(math.Min(in.load/rules.Up, math.MaxInt32)))
	switch {
	case average > rules.Up:
		target = rules.Bounds.Clamp(max(in.target+1, min(needed, 2*in.target)))
		reason = fmt.Sprintf("avg load %s > %s over %v: %d -> %d",
			figure(average), figure(rules.Up), rules.Window, in.target, target)
	case average < rules.Down && in.idle > 0:
		target = rules.Bounds.Clamp(min(in.target, max(in.target-in.idle, needed)))
		reason = fmt.Sprintf("avg load %s < %s over %v, %d idle for %v: %d -> %d",
			figure(average), figure(rules.Down), rules.Window, in.idle, rules.Idle, in.target, target)
	}
	if target == in.target {
		return target, ""
	}
	return target, reason
}

// fromZero brings a pool of no instances to life when somebody waits for one.
func fromZero(in input, rules Rules) (target int, reason string) {
	if in.load == 0 {
		return 0, ""
	}
	target = rules.Bounds.Clamp(1)
	return target, fmt.Sprintf("%s requests wait and no instance runs: 0 -> %d", figure(in.load), target)
}

// figure writes a load for people: two decimals at the most.
func figure(load float64) string {
	return fmt.Sprintf("%.4g", math.Round(load*100)/100)
}
