package autoscaler

import (
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// Steered is a Fleet whose target other processes may set too. What sets its target must
// start from the one that there is, and leave it alone while another process sets it.
type Steered interface {
	// Steering returns a channel that gets what sets the target, at the start and after each
	// change. A value that was not read is replaced by the next one. It has one reader.
	Steering() <-chan notice.Steering
}

// steeringOf returns the channel of a fleet that is Steered; nil for another one.
func steeringOf(f Fleet) <-chan notice.Steering {
	if steered, ok := f.(Steered); ok {
		return steered.Steering()
	}
	return nil
}

// Steer continues with the target that there is: as what sets it from now on, or as what
// follows another process that does.
func (s *Scaler) Steer(to notice.Steering) {
	now := s.Board.Snapshot().Time
	s.steering = to
	s.Board.SetSteering(to)
	settings, _ := s.timetabled(s.settings, now)
	s.settings = settings
	s.restart(now)
	s.flushRise()
	s.rule = RuleBounds
	if to.By != "" {
		s.started = true
		s.target = to.Target
		s.holdUntil = to.Hold
		s.Pool.Reserve(0, 1)
		s.Board.Decide(to.Target, s.settings.Bounds, s.holdUntil, s.rule, "set by another process: "+to.By)
		return
	}
	if to.Hold.After(now) {
		s.holdUntil = to.Hold
	}
	n := s.settings.Bounds.Clamp(to.Target)
	s.set(n, fmt.Sprintf("there are %d instances to begin with", to.Target))
}

// followOther has a fleet that another process scales be scaled from zero when requests wait, if
// that is allowed, and nothing else. It reports false when this process sets the target.
func (s *Scaler) followOther(now *registry.Snapshot) bool {
	if s.steering.By == "" {
		return false
	}
	s.restart(now.Time)
	s.Pool.SetGrowth(s.steering.Raise)
	if s.steering.Raise && now.Waiting > 0 && !now.Paused && now.Time.Sub(s.woken) > time.Second {
		s.woken = now.Time
		s.Fleet.Scale(max(1, s.settings.Bounds.Min), "requests wait and no instance is running")
	}
	return true
}
