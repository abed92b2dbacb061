package std

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// lookEvery is how often the clock checks whether the process was held up. One
	// check a second costs nothing that can be measured.
	lookEvery = time.Second
	// maxLate is how late a timer may fire if the process was not held up. On a busy
	// machine timers are some 10 ms late.
	maxLate = 250 * time.Millisecond
	// lastLook is how much longer a read may take when its limit is reached: bytes
	// that arrived while the process was held up for less than lookEvery are still
	// read. To read them takes less than a millisecond.
	lastLook = 20 * time.Millisecond
)

// clock measures how long the process was held up: stopped by a signal, or without a
// CPU. This time does not count against a peer: dynlb could not see what the peer did
// in it.
type clock struct {
	heldUp atomic.Int64 // total, in nanoseconds

	mu    sync.Mutex // guards all below
	seen  time.Time  // when look was called last
	users int        // the timer runs while this is not 0
	timer *time.Timer
}

// enter starts the clock. It runs until leave was called as often as enter.
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

// leave stops the clock if it has no other user.
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

// look checks whether the process was held up. It returns the total time in
// nanoseconds.
func (c *clock) look() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lookLocked()
	return c.heldUp.Load()
}

func (c *clock) lookLocked() {
	now := time.Now()
	if gap := now.Sub(c.seen); gap > lookEvery+maxLate {
		c.heldUp.Add(int64(gap))
	}
	c.seen = now
}

// limit returns a limit that begins now and is reached after d.
func (c *clock) limit(d time.Duration) limit {
	return limit{clock: c, time: d, began: time.Now(), heldUp: c.heldUp.Load()}
}

// limit bounds how long something may take. Time in which the process was held up
// does not count. The zero value is no limit.
type limit struct {
	clock  *clock
	time   time.Duration
	began  time.Time
	heldUp int64 // clock.heldUp when the limit began
	looked bool  // extend has granted lastLook
}

// deadline returns when the limit is reached, if the process is not held up until
// then. Without a limit it returns the zero time.
func (l *limit) deadline() time.Time {
	if l.clock == nil {
		return time.Time{}
	}
	return l.began.Add(l.time + time.Duration(l.clock.heldUp.Load()-l.heldUp))
}

// extend is called when the deadline has passed. It returns the next deadline, or
// false if the limit is reached.
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

// wait is how long something takes. Time in which the process was held up does not
// count.
type wait struct {
	clock  *clock
	began  time.Time
	heldUp int64 // clock.heldUp when it began
}

// wait returns a wait that begins now.
func (c *clock) wait() wait { return wait{c, time.Now(), c.heldUp.Load()} }

// took returns how long it has taken.
func (w *wait) took() time.Duration {
	took := time.Since(w.began)
	if took > lookEvery {
		took -= time.Duration(w.clock.look() - w.heldUp)
	}
	return max(0, took)
}
