package autoscaler

import "time"

// maxQuiet is how late the log may be.
const maxQuiet = 10 * time.Second

// rise is a rise of the target that the log does not have yet. The steps of one boot time
// answer the same load, so they are one line.
type rise struct {
	from   int
	steps  int // 0: there is none
	since  time.Time
	rule   string // of the last step
	reason string // of that step
}

// climbed records a step of a rise by the load.
func (s *Scaler) climbed(now time.Time, reason string) {
	r := &s.rise
	if r.steps == 0 {
		*r = rise{from: s.target, since: now}
	}
	r.steps++
	r.rule, r.reason = s.rule, reason
}

// logRise logs a rise that has lasted for a boot time.
func (s *Scaler) logRise(now time.Time) {
	if s.rise.steps > 0 && now.Sub(s.rise.since) >= min(maxQuiet, max(minAbsorb, s.booting.mean)) {
		s.flushRise()
	}
}

// flushRise logs the rise, if there is one.
func (s *Scaler) flushRise() {
	if r := s.rise; r.steps > 0 {
		s.Log.Info("scale", "from", r.from, "to", s.target, "steps", r.steps, "rule", r.rule, "reason", r.reason)
		s.rise = rise{}
	}
}
