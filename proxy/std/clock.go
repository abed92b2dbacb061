package std

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/internal/settings"
)

const (
	// lookEvery is how often the clock checks whether the process was held up.
	lookEvery = time.Second
	// lastLook is how long a read may take once its time is over: what has arrived
	// while the process was held up for less than lookEvery is still read.
	lastLook = 20 * time.Millisecond
)

// clock measures how long the process was held up: stopped by a signal, or without
// a CPU. That time does not count against a peer, because the peer may have done
// its part in it and dynlb could not see that.
type clock struct {
	heldUp atomic.Int64 // nanoseconds in all

	mu    sync.Mutex // guards all below
	seen  time.Time  // when look was called last
	users int        // the timer runs while there are any
	timer *time.Timer
}

// enter has the clock run until leave is called as often.
func (c *clock) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users++
	if c.users > 1 {
		return
	}
	c.seen = time.Now()
	if c.timer == nil {
		c.timer = time.AfterFunc(lookEvery, c.tick)
	} else {
		c.timer.Reset(lookEvery)
	}
}

// leave ends one use.
func (c *clock) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.users--
	if c.users == 0 {
		c.timer.Stop()
	}
}

// tick is called by the timer.
func (c *clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.users > 0 {
		c.lookLocked()
		c.timer.Reset(lookEvery)
	}
}

// look notes whether the process was held up, and returns for how long in all.
func (c *clock) look() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked()
	return c.heldUp.Load()
}

func (c *clock) lookLocked() {
	now := time.Now()
	if gap := now.Sub(c.seen); gap > lookEvery+settings.HeldUp {
		c.heldUp.Add(int64(gap))
	}
	c.seen = now
}

// limit returns a limit of d from now on.
func (c *clock) limit(d time.Duration) limit {
	return limit{clock: c, time: d, began: time.Now(), heldUp: c.heldUp.Load()}
}

// limit bounds how long something may take. Time in which the process was held up
// does not count. The zero value is no limit.
type limit struct {
	clock  *clock
	time   time.Duration
	began  time.Time
	heldUp int64 // when it began
	looked bool  // the last look was granted
}

// deadline returns when the limit is reached, as far as is known now: the zero time
// when there is no limit.
func (l *limit) deadline() time.Time {
	if l.clock == nil {
		return time.Time{}
	}
	return l.began.Add(l.time + time.Duration(l.clock.heldUp.Load()-l.heldUp))
}

// extend is called when the deadline has passed. It returns the next one, or false
// when the limit is reached.
func (l *limit) extend() (next time.Time, ok bool) {
	if l.clock == nil {
		return time.Time{}, true
	}
	l.clock.look()
	now, next := time.Now(), l.deadline()
	switch {
	case now.Before(next):
		return next, true
	case !l.looked:
		l.looked = true
		return now.Add(lastLook), true
	default:
		return time.Time{}, false
	}
}

// none reports whether there is no limit.
func (l *limit) none() bool { return l.clock == nil }
