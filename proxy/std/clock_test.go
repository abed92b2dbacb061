package std

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestClock checks that the time in which the process was held up does not count.
func TestClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock
		c.enter()
		defer c.leave()
		limit := c.limit(10 * time.Second)
		time.Sleep(9 * time.Second)
		if n := c.look(); n != 0 {
			t.Errorf("held up for %v", time.Duration(n))
		}
		c.mu.Lock()
		c.seen = c.seen.Add(-5 * time.Second) // as if it had not been looked at for so long
		c.mu.Unlock()
		time.Sleep(time.Second)
		next, ok := limit.extend()
		if left := time.Until(next); !ok || left < 4*time.Second || left > 7*time.Second {
			t.Errorf("%v left, %v; want the time in which it was held up", left, ok)
		}
		time.Sleep(time.Until(next))
		if next, ok = limit.extend(); !ok || time.Until(next) != lastLook {
			t.Errorf("%v left, %v; want a last look", time.Until(next), ok)
		}
		time.Sleep(lastLook)
		if _, ok = limit.extend(); ok {
			t.Error("extended without end")
		}
	})
}

// TestClockStops checks that the clock does nothing while it has no user.
func TestClockStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c clock
		for range 2 {
			c.enter()
			c.enter()
			c.leave()
			c.leave()
			if c.timer.Stop() {
				t.Error("the timer runs")
			}
			time.Sleep(time.Minute)
		}
		if n := c.heldUp.Load(); n != 0 {
			t.Errorf("held up for %v while it was not used", time.Duration(n))
		}
	})
}

// TestNoLimit checks that the zero limit is no limit.
func TestNoLimit(t *testing.T) {
	t.Parallel()
	var l limit
	next, ok := l.extend()
	if !l.none() || !l.deadline().IsZero() || !ok || !next.IsZero() {
		t.Errorf("deadline %v, extended to %v, %v", l.deadline(), next, ok)
	}
}
