//go:build linux

package eventloop

import "time"

// heldUp is how late the clock may be read before that means that the loop was
// held up, in a stopped process for example. A busy machine delays it by some 10 ms.
const heldUp = 250 * time.Millisecond

// clock is a loop's time: nanoseconds since the loop began, without those in which
// it was held up. A peer that seems to be late by such time is not.
type clock struct {
	base time.Time // what now counts from
	now  int64
}

// newClock returns a clock at its first tick: 0 is no time.
func newClock() clock {
	c := clock{base: time.Now()}
	c.read(0)
	return c
}

// read reads the time. Since the last read at most limit can have passed, unless
// the loop was held up.
func (c *clock) read(limit int64) {
	now := int64(time.Since(c.base)) + 1<<tickBits
	if lost := now - c.now - limit - int64(heldUp); lost > 0 && c.now > 0 {
		c.base = c.base.Add(time.Duration(lost))
		now -= lost
	}
	c.now = now
}
