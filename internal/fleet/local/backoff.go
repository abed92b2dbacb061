package local

import (
	"math/rand/v2"
	"time"
)

const (
	// backoffBase is the pause after the second failure in a row. It doubles with
	// each further one, up to backoffMax. The first failure has no pause: an
	// instance that ran and died is replaced at once.
	backoffBase = 100 * time.Millisecond
	backoffMax  = 30 * time.Second
	// stableRun is how long an instance must have been ready for its end to say
	// nothing about the next one.
	stableRun = 10 * time.Second
	// backoffReset is how long there must be no failure for the count to start
	// again. It is longer than backoffMax, or the pauses themselves would reset it.
	backoffReset = time.Minute
)

// backoff spaces out the starts of instances that fail. The zero value is before
// the first failure.
type backoff struct {
	failures int // in a row
	last     time.Time
	until    time.Time // no start before
}

// fail counts the failure of an instance that was ready at the given time, which is
// zero if it never was. After a stable run there is no pause: several instances may
// die one after the other, and all are needed.
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
		// Jitter of a quarter both ways keeps restarts out of step with whatever
		// else fails at that moment.
		b.until = now.Add(pause*3/4 + rand.N(pause/2))
	}
}

// wait returns the time until the next start is allowed. 0 or less: it is allowed
// now.
func (b *backoff) wait(now time.Time) time.Duration {
	if now.Sub(b.last) >= backoffReset {
		b.failures = 0
	}
	return b.until.Sub(now)
}
