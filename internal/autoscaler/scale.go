package autoscaler

import (
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// scale is the target and what the next decision is based on.
type scale struct {
	Options
	settings  Settings
	target    int
	holdUntil time.Time // zero: there is no hold
	raised    time.Time // when the target last rose

	loads float64 // sum of the samples since the last decision
	count int     // number of these samples
	idle  int     // from the last sample
}

// sample takes a sample of the load.
func (s *scale) sample() {
	now := s.Board.Snapshot().Snapshot
	load := float64(now.Waiting)
	s.idle = idlers(&now, s.settings.Idle, s.raised)
	for i := range now.Instances {
		in := &now.Instances[i]
		if in.State == registry.Draining {
			continue // its load ends with it
		}
		load += in.Load
	}
	s.loads += load
	s.count++
}

// idlers returns how many instances may be removed because they have been ready and
// idle for the given time. They are counted in the order in which they are removed,
// up to the first that has work or has not been idle for so long. A target lowered
// by that number removes no instance that has work.
//
// The result is 0 until the target has not been raised for the same time. (The
// instances that a raise added do not always prevent a removal by themselves: one
// that failed to start does not exist until it is tried again.)
//
// A starting instance serves no request and is removed first, so counting waits for
// it. When instances cannot be started, that wait would be without end; then it is
// skipped and the ones behind it are counted. It is still removed before them, so no
// more of them are removed than were counted.
//
// An instance that is ready, has served nothing, and was started long after the last
// raise has replaced another one. It counts at once; otherwise frequent replacements
// would keep all instances.
//
// An unhealthy instance is removed next, by the same rule as a ready one. With work
// it prevents further removals until it is healthy or replaced, a few health checks
// later.
func idlers(now *registry.Snapshot, idle time.Duration, raised time.Time) int {
	if now.Time.Sub(raised) < idle {
		return 0
	}
	n := 0
	for _, in := range now.RemovalOrder() {
		switch {
		case in.State == registry.Starting && now.Trouble != "":
		case in.State == registry.Ready && in.Total == 0 && in.Started.Sub(raised) >= idle:
			n++
		case in.State == registry.Starting, in.InFlight > 0, now.Time.Sub(in.IdleSince) < idle:
			return n
		default:
			n++
		}
	}
	return n
}

// decide applies the policy to the samples since the last decision.
func (s *scale) decide() {
	in := Input{
		Target: s.target, Load: s.loads / float64(max(1, s.count)), Idle: s.idle,
		Window: s.settings.Window, IdleFor: s.settings.Idle, Bounds: s.settings.Bounds,
	}
	s.loads, s.count = 0, 0
	if !s.holdUntil.IsZero() {
		if time.Now().Before(s.holdUntil) {
			return
		}
		s.holdUntil = time.Time{}
		s.Board.SetTarget(s.target, s.settings.Bounds, s.holdUntil, "")
	}
	if n, reason := s.settings.Policy.Decide(in); reason != "" {
		s.set(in.Bounds.Clamp(n), reason)
	}
}

// configure puts other settings in force.
func (s *scale) configure(settings Settings) {
	s.settings = settings
	s.loads, s.count = 0, 0
	if n, reason := withinBounds(s.target, settings.Bounds); reason != "" {
		s.set(n, reason)
		return
	}
	s.Board.SetTarget(s.target, settings.Bounds, s.holdUntil, "")
}

// obey carries out an order.
func (s *scale) obey(o order) answer {
	if err := s.settings.Bounds.Check(o.n); err != nil {
		return answer{old: s.target, err: err}
	}
	old := s.target
	s.holdUntil = time.Time{}
	if o.hold > 0 {
		s.holdUntil = time.Now().Add(o.hold)
	}
	s.loads, s.count = 0, 0
	s.set(o.n, o.reason)
	return answer{old: old}
}

// set makes n the target, on the notice board and for the fleet.
func (s *scale) set(n int, reason string) {
	if n > s.target {
		s.raised = time.Now()
	}
	if n != s.target {
		s.Log.Info("scale", "from", s.target, "to", n, "reason", reason)
	}
	s.target = n
	s.Board.SetTarget(n, s.settings.Bounds, s.holdUntil, reason)
	s.Fleet.Scale(n, reason)
}
