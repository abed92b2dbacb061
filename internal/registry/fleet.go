package registry

import (
	"fmt"
	"time"
)

// Fleet is what whoever runs the instances says of them as a whole.
type Fleet struct {
	// Target is how many instances there should be, draining ones not counted.
	Target int
	// Bounds are the least and the most that Target may be.
	Bounds Bounds
	// HoldUntil is until when the autoscaler leaves Target alone; zero when it
	// is free.
	HoldUntil time.Time
	// Raised and Lowered count the changes of Target, by direction. The first
	// target is no change.
	Raised, Lowered uint64
	// Restarts counts the instances started in place of one that had stopped
	// unasked or had failed to start.
	Restarts uint64
	// Trouble is why instances cannot be started, for people; "" when all is
	// well.
	Trouble string
	// Reload is what became of the configuration.
	Reload Reload
	// LastExit is how the last instance that stopped unasked did so; its ID is
	// "" when none did.
	LastExit Exit
}

// Exit tells how an instance came to its end.
type Exit struct {
	ID     ID
	Time   time.Time
	Reason string   // "exit status 1"
	Output []string // the last lines it wrote, oldest first
}

// Bounds are the least and the most instances there may be.
type Bounds struct{ Min, Max int }

// Check returns a *BoundsError when n is out of bounds.
func (b Bounds) Check(n int) error {
	if n < b.Min || n > b.Max {
		return &BoundsError{N: n, Bounds: b}
	}
	return nil
}

// Clamp returns the number within the bounds that is nearest to n.
func (b Bounds) Clamp(n int) int { return max(b.Min, min(b.Max, n)) }

// BoundsError says that a number of instances is out of bounds.
type BoundsError struct {
	N int
	Bounds
}

// Error names the number and the bounds.
func (e *BoundsError) Error() string {
	return fmt.Sprintf("target %d is outside [%d, %d] (minInstances, maxInstances)", e.N, e.Min, e.Max)
}

// SetTarget publishes how many instances there should be, and why. A change of
// the number is an event.
func (r *Registry) SetTarget(n int, bounds Bounds, holdUntil time.Time, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old, first := r.fleet.Target, r.fleet.Bounds == Bounds{}
	r.fleet.Target, r.fleet.Bounds, r.fleet.HoldUntil = n, bounds, holdUntil
	switch {
	case first:
	case n > old:
		r.fleet.Raised++
	case n < old:
		r.fleet.Lowered++
	}
	if n != old {
		r.recordLocked(EventScaled, "", reason)
		return
	}
	r.notifyLocked()
}

// SetTrouble publishes why instances cannot be started; "" when they can. Every
// new reason is an event.
func (r *Registry) SetTrouble(reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fleet.Trouble == reason {
		return
	}
	r.fleet.Trouble = reason
	if reason != "" {
		r.recordLocked(EventStartFailed, "", reason)
		return
	}
	r.notifyLocked()
}

// Trouble returns why instances cannot be started; "" when they can.
func (r *Registry) Trouble() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fleet.Trouble
}

// SetLastExit publishes how an instance stopped unasked.
func (r *Registry) SetLastExit(exit Exit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fleet.LastExit = exit
	r.notifyLocked()
}

// CountRestart counts an instance started in place of another.
func (r *Registry) CountRestart() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fleet.Restarts++
	r.notifyLocked()
}
