package notice

import (
	"fmt"
	"time"
)

// Steering says what sets the target of a fleet that more than one process can scale.
type Steering struct {
	// Target is the one in force.
	Target int
	// By is what sets it, for people; "" when this process does.
	By string
	// Raise tells that this process may raise the target all the same.
	Raise bool
}

// SteeredError says that the target is not for this process to set.
type SteeredError struct{ By string }

// Error names what sets it.
func (e *SteeredError) Error() string {
	return fmt.Sprintf("this dynlb does not set the number of instances now: %s", e.By)
}

// SetSteering reports what sets the target.
func (b *Board) SetSteering(s Steering) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.report.Steering = s
	b.notifyLocked()
}

// Hold returns the target and the time until which there is a hold, if this process sets the
// target; zero if there is none.
func (b *Board) Hold() (target int, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.report.Steering.By != "" || b.report.HoldUntil.IsZero() {
		return 0, time.Time{}
	}
	return b.report.Target, b.report.HoldUntil
}
