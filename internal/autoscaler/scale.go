package autoscaler

import (
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// scale is the state of a running Autoscaler, owned by Run.
type scale struct {
	*Autoscaler
	rules     Rules
	target    int
	holdUntil time.Time // zero: free

	loads float64 // sum of the load samples since the last decision
	count int     // how many they are
	idle  int     // from the last sample
}

// sample looks at the load once.
func (s *scale) sample() {
	now := s.Registry.Snapshot()
	load := float64(now.Waiting)
	s.idle = 0
	for i := range now.Instances {
		in := &now.Instances[i]
		if in.State == registry.Draining {
			continue // its load goes with it
		}
		load += in.Load
		if in.State == registry.Ready && in.InFlight == 0 && now.Time.Sub(in.IdleSince) >= s.rules.Idle {
			s.idle++
		}
	}
	s.loads += load
	s.count++
}

// decide applies the rules to the samples since the last decision.
func (s *scale) decide() {
	in := input{target: s.target, load: s.loads / float64(max(1, s.count)), idle: s.idle}
	s.loads, s.count = 0, 0
	if !s.holdUntil.IsZero() {
		if time.Now().Before(s.holdUntil) {
			return
		}
		s.holdUntil = time.Time{}
		s.Registry.SetTarget(s.target, s.rules.Bounds, s.holdUntil, "")
	}
	if n, reason := decide(in, s.rules); reason != "" {
		s.set(n, reason)
	}
}

// configure puts other rules in force.
func (s *scale) configure(rules Rules) {
	s.rules = rules
	s.loads, s.count = 0, 0
	if rules.Bounds.Check(s.target) != nil {
		s.set(decide(input{target: s.target}, rules))
		return
	}
	s.Registry.SetTarget(s.target, rules.Bounds, s.holdUntil, "")
}

// obey carries out an order.
func (s *scale) obey(o order) answer {
	if err := s.rules.Bounds.Check(o.n); err != nil {
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

// set makes n the target, for the registry's readers and for the fleet.
func (s *scale) set(n int, reason string) {
	if n != s.target {
		s.Log.Info("scale", "from", s.target, "to", n, "reason", reason)
	}
	s.target = n
	s.Registry.SetTarget(n, s.rules.Bounds, s.holdUntil, reason)
	s.Fleet.Scale(n, reason)
}
