package autoscaler

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// Options are what a Scaler works with. All but Running and Room are required.
type Options struct {
	Board *notice.Board
	Fleet Fleet
	Pool  Pool
	// Running is how many instances run already: the target begins with them, within the
	// bounds.
	Running int
	// Room is asked before a raise. Nil: there are no brakes.
	Room *Room
	Log  *slog.Logger
}

// Pool gives requests to instances; see registry.Registry.
type Pool interface {
	Reserve(n, bound int)
	SetGrowth(possible bool)
}

// Scaler decides on the target. It has no clock and no goroutine of its own: the time
// is that of the registry's snapshots, and the caller calls Step when it is due. It is
// not safe for concurrent use. Autoscaler runs one in real time; a simulation runs one
// in virtual time.
type Scaler struct {
	Options
	settings  Settings
	target    int
	reason    string // of target
	restored  bool   // Restore was called
	rule      string // of the decision that is being made
	started   bool
	holdUntil time.Time // zero: there is no hold
	raised    time.Time // when the target last rose
	woken     time.Time // when it last rose from 0
	decideAt  time.Time // when the next window ends

	loads   float64 // sum of the samples since the last decision
	count   int     // number of these samples
	demand  demand
	surplus surplus
	booting bootTime
	delay   removalDelay

	timetable timetable
	steering  notice.Steering // zero for a fleet that is not Steered
	brakes    brakes
	rise      rise
}

// NewScaler returns a Scaler. Call Start, and then Step when it is due.
func NewScaler(options Options, settings Settings) *Scaler {
	return &Scaler{Options: options, settings: settings}
}

// Start sets the target to its lower bound, to the instances that run already, or to what was restored.
func (s *Scaler) Start() {
	now := s.Board.Snapshot().Time
	if s.decideAt.IsZero() {
		s.decideAt = now.Add(s.settings.Window)
	}
	reason := "minInstances"
	settings, entry := s.timetabled(s.settings, now)
	if s.settings = settings; entry != "" {
		reason += " of the " + entry
	}
	if s.rule = RuleBounds; entry != "" {
		s.rule = RuleSchedule
	}
	if s.restored {
		s.resume(entry)
		return
	}
	target := s.withSpare(0)
	if running := s.settings.Bounds.Clamp(s.Running); running > target {
		target, reason = running, "instances that ran already"
	}
	s.set(target, reason)
}

// Step looks at the app and changes the target if that is called for. Call it when
// the time that the call before returned is over, and when a first request waits. It
// returns the time until the next step.
func (s *Scaler) Step() time.Duration {
	if !s.started { // the target of the fleet is not known yet
		return s.settings.step()
	}
	now := s.Board.Snapshot().Snapshot
	s.follow(now.Time)
	s.watchMachine(now.Time)
	s.logRise(now.Time)
	if s.followOther(&now) {
		return s.settings.step()
	}
	if now.Paused { // neither the requests that wait nor idle instances say what is needed
		s.restart(now.Time)
		return s.settings.step()
	}
	spanned := s.observe(&now)
	if !now.Time.Before(s.decideAt) {
		s.decideAt = now.Time.Add(s.settings.Window)
		s.decide(&now)
	} else if s.holdUntil.IsZero() {
		s.catchUp(&now)
	}
	if spanned {
		s.reserve(&now)
	}
	s.Pool.SetGrowth(s.target < s.settings.Bounds.Max && s.holdUntil.IsZero() && s.brakes.holding == "")
	if s.Room != nil {
		s.Room.set(s, s.share(&now))
	}
	next := s.settings.step()
	if now.Time.Sub(s.woken) < s.settings.short() {
		next = minStep // the requests of a burst do not all arrive in the same millisecond
	}
	return max(time.Millisecond, min(next, s.decideAt.Sub(now.Time)))
}

// used returns how many instances of the target the load is to have: all but the spare
// ones.
func (s *Scaler) used() int { return max(1, s.target-s.settings.Spare) }

// withSpare returns the target when the load needs n instances.
func (s *Scaler) withSpare(n int) int { return s.settings.Bounds.Clamp(n + s.settings.Spare) }

// restart begins another window.
func (s *Scaler) restart(now time.Time) {
	s.loads, s.count, s.decideAt = 0, 0, now.Add(s.settings.Window)
}

// observe adds a sample, and reports whether a span of it is complete.
func (s *Scaler) observe(now *registry.Snapshot) (spanned bool) {
	load := float64(now.Waiting)
	for i := range now.Instances {
		if in := &now.Instances[i]; in.State != registry.Draining { // its load ends with it
			load += in.Load
		}
	}
	s.loads += load
	s.count++
	s.booting.observe(now)
	s.demand.observe(now, load, s.settings)
	return s.surplus.observe(now, load, s.settings.Idle)
}

// decide applies the policy to the samples since the last decision.
func (s *Scaler) decide(now *registry.Snapshot) {
	in := Input{
		Target: s.target, Spare: s.settings.Spare, Load: s.loads / float64(max(1, s.count)), Idle: idlers(now, s.idle(), s.raised),
		Window: s.settings.Window, IdleFor: s.idle(), Bounds: s.settings.Bounds,
	}
	s.loads, s.count = 0, 0
	s.Board.SetLoad(in.Load / float64(s.used()))
	if !s.holdUntil.IsZero() {
		if now.Time.Before(s.holdUntil) {
			return
		}
		s.holdUntil = time.Time{}
		s.Board.SetTarget(s.target, s.settings.Bounds, s.holdUntil, "")
	}
	if in.Load > float64(s.used())*s.settings.Thresholds.Up && s.absorbs(s.work(now)) {
		return
	}
	s.rule = RuleWindow
	s.apply(in)
}

// apply sets the target that the policy decides on.
func (s *Scaler) apply(in Input) {
	policy := s.settings.Policy
	if policy == nil {
		policy = s.settings.Thresholds
	}
	if n, reason := policy.Decide(in); reason != "" {
		s.change(in.Bounds.Clamp(n), reason)
	}
}

// change makes n the target by a decision of its own, not by order, as far as the brakes
// allow. It reports whether the target has changed.
func (s *Scaler) change(n int, reason string) bool {
	now := s.Board.Snapshot().Snapshot
	if n > s.target {
		n, reason = s.brake(&now, n, reason)
	}
	switch {
	case n == s.target:
		return false
	case n < s.target:
		s.lowered(now.Time)
		s.set(n, reason)
	default:
		s.rose(now.Time)
		s.climbed(now.Time, reason)
		s.assign(n, reason)
	}
	return true
}

// configure puts other settings in force.
func (s *Scaler) configure(settings Settings) {
	now := s.Board.Snapshot().Time
	var entry string
	s.settings, entry = s.timetabled(settings, now)
	s.restart(now)
	if s.started && s.steering.By == "" {
		s.bound(entry)
	}
}

// ScaleTo sets the target to n, as Autoscaler.ScaleTo does.
func (s *Scaler) ScaleTo(n int, hold time.Duration, reason string) (old int, err error) {
	a := s.obey(order{n: n, hold: hold, reason: reason})
	return a.old, a.err
}

// obey carries out an order.
func (s *Scaler) obey(o order) answer {
	if by := s.steering.By; by != "" || !s.started {
		return answer{old: s.target, err: &notice.SteeredError{By: cmp.Or(by, "it is not known yet what does"), Sibling: s.steering.Sibling}}
	}
	if err := s.settings.Bounds.Check(o.n); err != nil {
		return answer{old: s.target, err: err}
	}
	old := s.target
	s.holdUntil = time.Time{}
	if o.hold > 0 {
		s.holdUntil = s.Board.Snapshot().Time.Add(o.hold)
	}
	s.loads, s.count = 0, 0
	s.delay.fell = time.Time{}
	s.rule = RuleOrder
	s.set(o.n, o.reason)
	return answer{old: old}
}

// set makes n the target, and logs it.
func (s *Scaler) set(n int, reason string) {
	s.flushRise()
	if n != s.target {
		s.Log.Info("scale", "from", s.target, "to", n, "rule", s.rule, "reason", reason)
	}
	s.assign(n, reason)
}

// assign makes n the target, on the notice board and for the fleet.
func (s *Scaler) assign(n int, reason string) {
	if n > s.target {
		s.raised = s.Board.Snapshot().Time
		if s.target == 0 && s.started {
			s.woken = s.raised
		}
	}
	s.started = true
	s.target, s.reason = n, reason
	s.Board.Decide(n, s.settings.Bounds, s.holdUntil, s.rule, reason)
	s.Fleet.Scale(n, reason)
}

// Urgent reports whether the next step must not be waited for: with no instance, the
// first request does not wait for it.
func (s *Scaler) Urgent() bool { return s.started && s.target == 0 && s.Board.Snapshot().Waiting > 0 }
