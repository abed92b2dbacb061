package local

import (
	"math/rand/v2"
	"time"
)

const (
	// backoffBase is the pause after the second failure in a row; it doubles
	// with each further one, up to backoffMax. The first has none: what ran and
	// died is replaced at once.
	backoffBase = 100 * time.Millisecond
	backoffMax  = 30 * time.Second
	// stableRun is how long an instance must have been ready for its end to be no
	// sign that the next one ends likewise.
	stableRun = 10 * time.Second
	// backoffReset is how long there must be no failure for the count to begin
	// anew. It is longer than backoffMax, or the count would reset itself.
	backoffReset = time.Minute
)

// backoff spaces out the starts of instances that fail. The zero value is no
// failure yet.
type backoff struct {
	failures int // in a row
	last     time.Time
	until    time.Time // no start before
}

// fail counts the failure of an instance that was ready first at a time, which is
// zero if it never was. After a stable run there is no pause: that many run, and
// one after the other dies, is no reason to have fewer.
func (b *backoff) fail(now, ready time.Time) {
	if !ready.IsZero() && now.Sub(ready) >= stableRun {
		*b = backoff{}
		return
	}
	if now.Sub(b.last) >= backoffReset {
		b.failures = 0
	}
	b.failures++
	b.last = now
	b.until = now
	if b.failures > 1 {
		pause := backoffMax
		if doublings := b.failures - 2; doublings < 10 {
			pause = min(pause, backoffBase<<doublings)
		}
		// Jitter of a quarter either way keeps restarts from moving in step
		// with whatever else fails at that moment.
		b.until = now.Add(pause*3/4 + rand.N(pause/2))
	}
}

// wait returns how long to wait before the next start; 0 or less: not at all.
func (b *backoff) wait(now time.Time) time.Duration {
	if now.Sub(b.last) >= backoffReset {
		b.failures = 0
	}
	return b.until.Sub(now)
}
