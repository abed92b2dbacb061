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
	// Sibling tells that By is the ID of another dynlb.
	Sibling bool
	// Hold is the end of a hold of Target that this process goes on with; zero if there is
	// none.
	Hold time.Time
}

// SteeredError says that the target is not for this process to set.
type SteeredError struct {
	By      string
	Sibling bool // as in Steering
}

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

// Order returns the target and the end of its hold; ok is false if another process sets it, or
// nothing has set it yet.
func (b *Board) Order() (target int, hold time.Time, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.report.Steering.By != "" || b.report.Bounds == (Bounds{}) {
		return 0, time.Time{}, false
	}
	return b.report.Target, b.report.HoldUntil, true
}
