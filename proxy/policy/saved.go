package policy

import "time"

// SavedTidiness is a Tidiness as another process goes on with it.
type SavedTidiness struct {
	Quiet int32 `json:"quiet,omitempty"` // rests
	Bare  int32 `json:"bare,omitempty"`  // rests after responses that cannot have content
	Stray bool  `json:"stray,omitempty"`
}

// Save returns what is known. Connections that rest are not among it.
func (t *Tidiness) Save() SavedTidiness {
	s := SavedTidiness{Quiet: t.state.Load(), Bare: t.bare.Load()}
	if s.Quiet == stray {
		s.Quiet, s.Stray = 0, true
	}
	return s
}

// Restore goes on with what another process knew. Call it before any request.
func (t *Tidiness) Restore(s SavedTidiness) {
	t.state.Store(min(max(0, s.Quiet), provenAfter))
	t.bare.Store(min(max(0, s.Bare), provenAfter))
	if s.Stray {
		t.state.Store(stray)
	}
}

// SavedIdleTime is an IdleTime as another process goes on with it.
type SavedIdleTime struct {
	Reuses   bool          `json:"reuses,omitempty"`
	Survived time.Duration `json:"survived,omitempty"`
	Ended    time.Duration `json:"ended,omitempty"`
	Doubt    int32         `json:"doubt,omitempty"`
	Fresh    int32         `json:"fresh,omitempty"`
}

// Save returns what is known.
func (t *IdleTime) Save() SavedIdleTime {
	return SavedIdleTime{
		Reuses: t.reuses.Load(), Survived: time.Duration(t.survived.Load()), Ended: time.Duration(t.ended.Load()),
		Doubt: t.doubt.Load(), Fresh: t.fresh.Load(),
	}
}

// Restore goes on with what another process knew. Call it before any request.
func (t *IdleTime) Restore(s SavedIdleTime) {
	t.reuses.Store(s.Reuses)
	t.survived.Store(int64(s.Survived))
	t.ended.Store(int64(s.Ended))
	t.doubt.Store(s.Doubt)
	t.fresh.Store(s.Fresh)
}

// Silent reports whether the instances did not ask for content the last time.
func (c *Continue) Silent() bool { return c.silent.Load() }
