package registry

import "time"

// savedConcurrency is what was learned of the concurrency, without the epoch and the
// trial under way.
type savedConcurrency struct {
	Groups []savedGroup  `json:"groups,omitempty"`
	Pairs  []savedPair   `json:"pairs,omitempty"`
	Took   time.Duration `json:"took,omitempty"`
	Known  bool          `json:"known,omitempty"`

	Of        int32         `json:"of,omitempty"` // of the trial
	Confirmed bool          `json:"confirmed,omitempty"`
	Tried     bool          `json:"tried,omitempty"`
	Until     time.Duration `json:"until,omitempty"`
	Best      float64       `json:"best,omitempty"`
}

// savedGroup is group.
type savedGroup struct {
	Level  float64 `json:"level,omitempty"`
	Mean   float64 `json:"mean,omitempty"`
	Weight float64 `json:"weight,omitempty"`
}

// savedPair is pair.
type savedPair struct {
	Slower  float64       `json:"slower,omitempty"`
	Higher  float64       `json:"higher,omitempty"`
	Spread  float64       `json:"spread,omitempty"`
	Weight  float64       `json:"weight,omitempty"`
	Epochs  float64       `json:"epochs,omitempty"`
	Refuted bool          `json:"refuted,omitempty"`
	Partly  bool          `json:"partly,omitempty"`
	Judged  time.Duration `json:"judged,omitempty"`
	Cleared time.Duration `json:"cleared,omitempty"`
	Clears  int           `json:"clears,omitempty"`
}

// save returns what was learned.
func (c *concurrency) save() savedConcurrency {
	s := savedConcurrency{
		Took: c.took, Known: c.known, Of: c.trial.of, Confirmed: c.trial.confirmed, Tried: c.trial.tried, Until: c.trial.until, Best: c.trial.before.best,
	}
	for i := range c.groups {
		g, p := &c.groups[i], &c.pairs[i]
		s.Groups = append(s.Groups, savedGroup{g.level, g.mean, g.weight})
		s.Pairs = append(s.Pairs, savedPair{p.slower, p.higher, p.spread, p.weight, p.epochs, p.refuted, p.partly, p.judged, p.cleared, p.clears})
	}
	return s
}

// restore goes on with what another process has learned. An epoch begins.
func (c *concurrency) restore(s savedConcurrency, now time.Duration) {
	if len(s.Groups) != maxGroups || len(s.Pairs) != maxGroups {
		return // none, or of another version
	}
	for i := range c.groups {
		g, p := &s.Groups[i], &s.Pairs[i]
		c.groups[i] = group{level: g.Level, mean: g.Mean, weight: g.Weight}
		c.pairs[i] = pair{
			slower: p.Slower, higher: p.Higher, spread: p.Spread, weight: p.Weight, epochs: p.Epochs, refuted: p.Refuted, partly: p.Partly,
			judged: p.Judged, cleared: p.Cleared, clears: p.Clears,
		}
	}
	c.took, c.known, c.epoch = s.Took, s.Known, now
	c.trial = limitTrial{of: s.Of, confirmed: s.Confirmed, tried: s.Tried, until: s.Until, before: responseRate{best: s.Best, since: now}}
	c.findFirst()
}
