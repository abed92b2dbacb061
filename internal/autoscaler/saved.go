package autoscaler

import (
	"time"

	"github.com/dynlb/dynlb/internal/notice"
)

// Saved is what a Scaler leaves to that of another process. All of its fields are
// optional.
type Saved struct {
	// Known says that Target is one: the Scaler had begun.
	Known     bool      `json:"known,omitempty"`
	Target    int       `json:"target,omitempty"`
	Reason    string    `json:"reason,omitempty"` // of the target
	HoldUntil time.Time `json:"holdUntil,omitzero"`
	Raised    time.Time `json:"raised,omitzero"`
	Woken     time.Time `json:"woken,omitzero"`
	DecideAt  time.Time `json:"decideAt,omitzero"`

	Loads float64     `json:"loads,omitempty"`
	Count int         `json:"count,omitempty"`
	Spans []savedSpan `json:"spans,omitempty"`
	Delay savedDelay  `json:"regret,omitzero"` // the name that other versions read
	// Responses and Seconds are what instances did while requests waited for them.
	Responses float64       `json:"responses,omitempty"`
	Seconds   float64       `json:"seconds,omitempty"`
	BootTime  time.Duration `json:"bootTime,omitempty"`
	BootsSeen time.Time     `json:"bootsSeen,omitzero"`
}

// savedSpan is span.
type savedSpan struct {
	From     time.Time `json:"from,omitzero"`
	Arrivals uint64    `json:"arrivals,omitempty"`
	Loads    float64   `json:"loads,omitempty"`
	Count    int       `json:"count,omitempty"`
}

// savedDelay is removalDelay.
type savedDelay struct {
	Times int       `json:"times,omitempty"`
	Fell  time.Time `json:"fell,omitzero"`
	Since time.Time `json:"since,omitzero"`
}

// Save returns what another process goes on with.
func (s *Scaler) Save() Saved {
	out := Saved{
		Known: s.started, Target: s.target, Reason: s.reason, HoldUntil: s.holdUntil.Round(0), Raised: s.raised.Round(0), Woken: s.woken.Round(0), DecideAt: s.decideAt.Round(0),
		Loads: s.loads, Count: s.count, Delay: savedDelay{s.delay.doublings, s.delay.fell.Round(0), s.delay.since.Round(0)},
		Responses: s.demand.saturated.responses, Seconds: s.demand.saturated.seconds, BootTime: s.booting.mean, BootsSeen: s.booting.seen.Round(0),
	}
	for _, x := range s.surplus.spans {
		out.Spans = append(out.Spans, savedSpan{x.from.Round(0), x.arrivals, x.loads, x.count})
	}
	return out
}

// Restore has Start go on with what another process has saved: the target, within the
// bounds that are in force now, the hold and the averages.
func (s *Scaler) Restore(saved Saved) {
	if !saved.Known {
		return
	}
	s.restored = true
	s.target, s.reason, s.holdUntil, s.raised, s.woken, s.decideAt = saved.Target, saved.Reason, saved.HoldUntil, saved.Raised, saved.Woken, saved.DecideAt
	s.loads, s.count = saved.Loads, saved.Count
	s.delay = removalDelay{saved.Delay.Times, saved.Delay.Fell, saved.Delay.Since}
	s.demand.saturated.responses, s.demand.saturated.seconds = saved.Responses, saved.Seconds
	s.booting = bootTime{saved.BootTime, saved.BootsSeen}
	for _, x := range saved.Spans {
		s.surplus.spans = append(s.surplus.spans, span{x.From, x.Arrivals, x.Loads, x.Count})
	}
}

// resume is Start after Restore.
func (s *Scaler) resume(entry string) {
	s.started = true
	s.Fleet.Scale(s.target, s.reason)
	if n, reason := withinBounds(s.target, s.settings.Bounds); reason == "" {
		s.Board.SetTarget(n, s.settings.Bounds, s.holdUntil, s.reason)
		return
	}
	s.Board.SetTarget(s.target, notice.Bounds{Min: s.target, Max: s.target}, s.holdUntil, s.reason) // as it was
	s.bound(entry)
}

// Restore has Run go on with what another process has saved. Call it before Run.
func (a *Autoscaler) Restore(saved Saved) { a.scaler.Restore(saved) }

// Save returns what another process goes on with. It waits until Run has begun.
func (a *Autoscaler) Save() Saved {
	reply := make(chan Saved, 1)
	select {
	case a.saves <- reply:
		return <-reply
	case <-a.done:
		return a.scaler.Save() // Run has returned
	}
}
