package notice

import "time"

// Saved is what a Board leaves to that of another process: what its parts do not report
// again. All of its fields are optional. Events are in the history.
type Saved struct {
	Target          int         `json:"target,omitempty"`
	LastDecision    Decision    `json:"lastDecision,omitzero"`
	HoldUntil       time.Time   `json:"holdUntil,omitzero"`
	Raised          uint64      `json:"raised,omitempty"`
	Lowered         uint64      `json:"lowered,omitempty"`
	Rules           []RuleCount `json:"rules,omitempty"`
	LoadPerInstance float64     `json:"loadPerInstance,omitempty"`
	Restarts        uint64      `json:"restarts,omitempty"`
	LastExit        Exit        `json:"lastExit,omitzero"`
}

// Save returns what another process goes on with.
func (b *Board) Save() Saved {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &b.report
	return Saved{
		Target: r.Target, LastDecision: r.LastDecision, HoldUntil: r.HoldUntil, Raised: r.Raised, Lowered: r.Lowered, Rules: r.Rules,
		LoadPerInstance: r.LoadPerInstance, Restarts: r.Restarts, LastExit: r.LastExit,
	}
}

// Restore reports what another process has saved, until the parts report something else.
func (b *Board) Restore(s Saved) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &b.report
	r.Target, r.LastDecision, r.HoldUntil, r.Raised, r.Lowered, r.Rules = s.Target, s.LastDecision, s.HoldUntil, s.Raised, s.Lowered, s.Rules
	r.LoadPerInstance, r.Restarts, r.LastExit = s.LoadPerInstance, s.Restarts, s.LastExit
	b.notifyLocked()
}
