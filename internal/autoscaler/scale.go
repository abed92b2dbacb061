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
	raised    time.Time // when target last became more

	loads float64 // sum of the load samples since the last decision
	count int     // how many they are
	idle  int     // from the last sample
}

// sample looks at the load once.
func (s *scale) sample() {
	now := s.Board.Snapshot().Snapshot
	load := float64(now.Waiting)
	s.idle = idlers(&now, s.rules.Idle, s.raised)
	for i := range now.Instances {
		in := &now.Instances[i]
		if in.State == registry.Draining {
			continue // its load goes with it
		}
		load += in.Load
	}
	s.loads += load
	s.count++
}

// idlers returns how many instances may go because there is nothing for them to
// do: counted in the order in which they go, up to the first that has not been
// ready and idle for as long as idle. So a fleet made smaller by that many loses
// none that has work.
//
// None goes until the number of instances has not been raised for as long. Those
// that it was raised by do not always hold up the others: one that failed to start
// is nowhere until it is tried again.
//
// One that is starting serves nobody, and so is the first to go: it is waited
// for. But when instances cannot be started that would be for ever; then it is
// not counted, and those behind it are. It still goes before them, so no more of
// them go than were counted.
//
// One that is ready, has served nothing, and was started when nobody had raised
// the number of instances for as long as idle took the place of another: it counts
// at once, or those that are replaced often would keep all.
//
// One that is unhealthy goes next, by the same rule as one that is ready. If it
// has work it holds up the others until it is well or has been replaced, a few
// health checks later.
func idlers(now *registry.Snapshot, idle time.Duration, raised time.Time) int {
	if now.Time.Sub(raised) < idle {
		return 0
	}
	n := 0
	for _, in := range now.Leaving() {
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

// decide applies the rules to the samples since the last decision.
func (s *scale) decide() {
	in := input{target: s.target, load: s.loads / float64(max(1, s.count)), idle: s.idle}
	s.loads, s.count = 0, 0
	if !s.holdUntil.IsZero() {
		if time.Now().Before(s.holdUntil) {
			return
		}
		s.holdUntil = time.Time{}
		s.Board.SetTarget(s.target, s.rules.Bounds, s.holdUntil, "")
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
	s.Board.SetTarget(s.target, rules.Bounds, s.holdUntil, "")
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
	if n > s.target {
		s.raised = time.Now()
	}
	if n != s.target {
		s.Log.Info("scale", "from", s.target, "to", n, "reason", reason)
	}
	s.target = n
	s.Board.SetTarget(n, s.rules.Bounds, s.holdUntil, reason)
	s.Fleet.Scale(n, reason)
}
