package autoscaler

import (
	"fmt"
	"math"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
)

// Policy decides how many instances there should be. It has no state and no clock:
// the same input gives the same decision.
type Policy interface {
	// Decide returns the target that in calls for, within in.Bounds, and the reason
	// with its figures, for people. The reason is "" when the target stays as it is.
	Decide(in Input) (target int, reason string)
}

// Input is what a decision is based on.
type Input struct {
	// Target is the present target. Instances that are starting are part of it, so
	// they count as capacity and a slow start never causes more starts.
	Target int
	// Spare is how many of the instances are kept beyond those that the load needs.
	Spare int
	// Load is the load of all instances and of the waiting requests, averaged over
	// Window.
	Load   float64
	Window time.Duration
	// Idle is how many instances may stop because they have been ready and idle for
	// IdleFor.
	Idle    int
	IdleFor time.Duration
	// Bounds are those of the target.
	Bounds notice.Bounds
}

// Thresholds is the policy that the config describes.
type Thresholds struct {
	// Up is the average load per instance above which instances are added, and Down
	// the one below which idle instances are removed.
	Up, Down float64
}

// Decide applies the thresholds.
//
// Above Up the target becomes the number that brings the average down to Up: at
// least one more, at most twice as many. The load that is measured while instances
// are overloaded says little about how many are missing; Kubernetes'
// HorizontalPodAutoscaler bounds a step by the same factor.
//
// The spare instances are not among those that the load is divided by, and are added to
// the result.
//
// Below Down the idle instances are removed, as long as the remaining ones can bear
// the load.
func (p Thresholds) Decide(in Input) (target int, reason string) {
	if in.Target == 0 {
		return fromZero(in)
	}
	used := max(1, in.Target-in.Spare)
	average := in.Load / float64(used)
	needed := int(math.Ceil(math.Min(in.Load/p.Up, math.MaxInt32)))
	switch {
	case average > p.Up:
		target = in.Bounds.Clamp(in.Spare + max(used+1, min(needed, 2*used)))
		reason = fmt.Sprintf("avg load %s > %s over %v: %d -> %d",
			figure(average), figure(p.Up), in.Window, in.Target, target)
	case in.Spare > 0 && in.Target < in.Bounds.Clamp(needed+in.Spare):
		target = in.Bounds.Clamp(needed + in.Spare)
		reason = fmt.Sprintf("load %s over %v needs %d: %d -> %d", figure(in.Load), in.Window, needed, in.Target, target)
	case average < p.Down && in.Idle > 0:
		target = in.Bounds.Clamp(min(in.Target, max(in.Target-in.Idle, needed+in.Spare)))
		reason = fmt.Sprintf("avg load %s < %s over %v, %d idle for %v: %d -> %d",
			figure(average), figure(p.Down), in.Window, in.Idle, in.IdleFor, in.Target, target)
	default:
		target = in.Target
	}
	if target == in.Target {
		return target, ""
	}
	return target, reason + spareText(in.Spare)
}

// fromZero starts the first instance when a request waits for one.
func fromZero(in Input) (target int, reason string) {
	if in.Load == 0 {
		return 0, ""
	}
	target = in.Bounds.Clamp(1 + in.Spare)
	return target, fmt.Sprintf("%s requests wait and no instance runs: 0 -> %d%s", figure(in.Load), target, spareText(in.Spare))
}

// spareText is the part of a reason that says how many instances are spare.
func spareText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d spare)", n)
}

// figure formats a load for people: at most two decimals.
func figure(load float64) string {
	return fmt.Sprintf("%.4g", math.Round(load*100)/100)
}

// withinBounds returns the target moved into the bounds, and the reason if that
// changes it.
func withinBounds(target int, bounds notice.Bounds) (n int, reason string) {
	if n = bounds.Clamp(target); n == target {
		return n, ""
	}
	return n, fmt.Sprintf("bounds are %d to %d: %d -> %d", bounds.Min, bounds.Max, target, n)
}
