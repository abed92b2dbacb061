package local

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/registry"
)

// saved is what a fleet leaves to that of another process. All of its fields are optional.
// State, endpoint and times of an instance are in what the registry saves.
type saved struct {
	Target       int                `json:"target,omitempty"`
	Reason       string             `json:"reason,omitempty"`
	Generation   int                `json:"generation,omitempty"`
	Replacements []savedReplacement `json:"replacements,omitempty"`
	FailedStarts int                `json:"failedStarts,omitempty"`
	Failures     int                `json:"failures,omitempty"` // of the backoff
	LastFailure  time.Time          `json:"lastFailure,omitzero"`
	NoStart      time.Time          `json:"noStart,omitzero"` // before that
	Pacing       time.Duration      `json:"pacing,omitempty"`
	PacingUntil  time.Time          `json:"pacingUntil,omitzero"`
	Recycled     int                `json:"recycled,omitempty"`
	Rollout      *savedRollout      `json:"rollout,omitempty"`
	Children     []savedChild       `json:"children,omitempty"`
}

// savedReplacement is replacement.
type savedReplacement struct {
	ID     registry.ID `json:"id"`
	Reason string      `json:"reason,omitempty"`
}

// savedRollout is rollout, without the settings to return to: they are functions of
// another process. If it fails, the instances that were not replaced stay.
type savedRollout struct {
	Surge    int    `json:"surge,omitempty"`
	Reason   string `json:"reason,omitempty"`
	Total    int    `json:"total,omitempty"`
	Replaced int    `json:"replaced,omitempty"`
}

// savedChild is child.
type savedChild struct {
	ID             registry.ID `json:"id"`
	Generation     int         `json:"generation,omitempty"`
	Ending         bool        `json:"ending,omitempty"` // it drains, or is being stopped
	WasReady       bool        `json:"wasReady,omitempty"`
	DrainReason    string      `json:"drainReason,omitempty"`
	FailedChecks   int         `json:"failedChecks,omitempty"`
	FailedLiveness int         `json:"failedLiveness,omitempty"`
	NotReady       string      `json:"notReady,omitempty"`
	RecycleReason  string      `json:"recycleReason,omitempty"`
	RecycleTurn    int         `json:"recycleTurn,omitempty"`
	MemoryEarly    bool        `json:"memoryEarly,omitempty"`
	ReplaceReason  string      `json:"replaceReason,omitempty"`
	Suspended      bool        `json:"suspended,omitempty"`
	Output         savedOutput `json:"output,omitzero"`
}

// savedOutput is what was read of the output of an instance.
type savedOutput struct {
	Stdout  []byte   `json:"stdout,omitempty"` // of the line that was begun
	Stderr  []byte   `json:"stderr,omitempty"`
	Tail    []string `json:"tail,omitempty"`
	Dropped uint64   `json:"dropped,omitempty"`
}

// Save implements [fleet.Movable].
func (f *Fleet) Save() (text json.RawMessage) {
	f.call(func() { text = f.save(nil) })
	return text
}

// save returns what another process goes on with. outputs are those of the children that
// are not read any more. It runs in the loop.
func (f *Fleet) save(outputs map[*child]savedOutput) json.RawMessage {
	s := saved{
		Target: f.target, Reason: f.reason, Generation: f.generation, FailedStarts: f.failedStarts,
		Failures: f.backoff.failures, LastFailure: f.backoff.last.Round(0), NoStart: f.backoff.until.Round(0),
		Pacing: f.pacing.pause, PacingUntil: f.pacing.until.Round(0), Recycled: f.recycled,
	}
	for _, r := range f.pendingReplacements {
		s.Replacements = append(s.Replacements, savedReplacement{r.id, r.reason})
	}
	if r := f.rollout; r != nil {
		s.Rollout = &savedRollout{r.surge, r.reason, r.total, r.replaced}
	}
	for _, c := range f.children {
		s.Children = append(s.Children, c.save(outputs[c]))
	}
	text, err := json.Marshal(s)
	if err != nil { // of plain values
		f.Log.Error("fleet not saved", "error", err)
	}
	return text
}

// save returns the child as another process goes on with it.
func (c *child) save(output savedOutput) savedChild {
	s := savedChild{
		ID: c.id, Generation: c.generation, Ending: !c.active(), WasReady: c.wasReady, DrainReason: c.drainReason,
		FailedChecks: c.failedChecks, FailedLiveness: c.failedLiveness, NotReady: c.notReady,
		RecycleReason: c.recycleReason, RecycleTurn: c.recycleTurn, MemoryEarly: c.memoryEarly, Suspended: c.suspended, Output: output,
	}
	if c.replaceReason != nil {
		s.ReplaceReason = c.replaceReason.Error()
	}
	if c.proc != nil {
		s.Output.Tail, s.Output.Dropped = c.proc.Tail(), c.proc.Dropped()
	}
	return s
}

// Restore implements [fleet.Movable].
func (f *Fleet) Restore(text json.RawMessage) error {
	if len(text) == 0 {
		return nil
	}
	s := new(saved)
	if err := json.Unmarshal(text, s); err != nil {
		return fmt.Errorf("restore fleet: %w", err)
	}
	f.before = s
	return nil
}

// restore goes on with what another process has saved, and returns its children. It runs
// before the loop.
func (f *Fleet) restore() map[registry.ID]*savedChild {
	s := f.before
	if s == nil {
		return nil
	}
	f.target, f.reason, f.generation, f.failedStarts, f.recycled = s.Target, s.Reason, s.Generation, s.FailedStarts, s.Recycled
	f.backoff = backoff{s.Failures, s.LastFailure, s.NoStart}
	f.pacing = recyclePacing{s.Pacing, s.PacingUntil}
	for _, r := range s.Replacements {
		f.pendingReplacements = append(f.pendingReplacements, replacement{r.ID, r.Reason})
	}
	if r := s.Rollout; r != nil {
		f.rollout = newRollout(r.Surge, r.Reason)
		f.rollout.total, f.rollout.replaced = r.Total, r.Replaced
	}
	children := map[registry.ID]*savedChild{}
	for i := range s.Children {
		children[s.Children[i].ID] = &s.Children[i]
	}
	return children
}

// pipes returns what the output of the child begins with.
func (s *savedChild) pipes() func(*process.Pipes) {
	return func(p *process.Pipes) {
		if s != nil {
			p.StdoutBegun, p.StderrBegun, p.Tail, p.Dropped = s.Output.Stdout, s.Output.Stderr, s.Output.Tail, s.Output.Dropped
		}
	}
}
