package registry

import (
	"math"
	"testing"
	"time"
)

// limitedToOne returns a concurrency with the suspicion that an instance works on one request
// at a time only.
func limitedToOne() concurrency {
	var c concurrency
	c.suspect(1)
	return c
}

// suspect refutes a group.
func (c *concurrency) suspect(group int) {
	c.pairs[group].refuted = true
	c.findFirst()
}

// respond lets the trial see responses at a rate per second for a time, and returns the
// time afterwards. Requests wait if there is a limit.
func respond(c *concurrency, in *trialInput, now, length time.Duration, rate float64) time.Duration {
	every := time.Duration(float64(time.Second) / rate)
	for end := now + length; now < end; {
		now += every
		in.responses++
		in.waiting = c.useful() > 0
		c.try(now, *in)
	}
	return now
}

// TestLowerLimitIsTried checks that a limit which has stood a trial says nothing of a
// lower one.
func TestLowerLimitIsTried(t *testing.T) {
	t.Parallel()
	var c concurrency
	c.suspect(4)
	in := trialInput{ready: 1}
	now := respond(&c, &in, 10*time.Second, 5*time.Second, 80)
	if limit, _ := c.limit(); limit != 15 || !c.trial.confirmed {
		t.Fatalf("limit %d, confirmed %v; want 15 that has stood a trial", limit, c.trial.confirmed)
	}
	c.suspect(1)
	for range 60 {
		rate := 20.0
		if c.trial.phase == raised {
			rate = 60
		}
		now = respond(&c, &in, now, 100*time.Millisecond, rate)
	}
	if limit, _ := c.limit(); limit < 15 {
		t.Errorf("limit %d, although more requests gave more responses", limit)
	}
}

// TestLimitBelowTheRateBefore checks that a limit is lifted soon that gives fewer responses
// than there were without it, unless clients leave.
func TestLimitBelowTheRateBefore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rate float64 // with the limit
		left uint64
		want int32
	}{
		"fewer responses":             {25, 0, math.MaxInt32},
		"fewer, but clients leave":    {25, 50, 1},
		"as many":                     {90, 0, 1},
		"fewer by chance, not for it": {70, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var learned concurrency
			in := trialInput{ready: 1}
			now := respond(&learned, &in, 0, 5*time.Second, 100)
			learned.suspect(1)
			learned.trial.left += c.left
			respond(&learned, &in, now, 700*time.Millisecond, c.rate)
			if limit, _ := learned.limit(); limit != c.want && learned.trial.phase != raised {
				t.Errorf("limit %d, want %d", limit, c.want)
			}
		})
	}
}

// TestTrialWaitsForTheLimit checks that responses to requests beyond the limit, from the
// time before it, do not count as responses with it.
func TestTrialWaitsForTheLimit(t *testing.T) {
	t.Parallel()
	c := limitedToOne()
	in := trialInput{ready: 1, excess: true}
	now := respond(&c, &in, 10*time.Second, 2*time.Second, 100)
	if c.trial.phase != limited {
		t.Fatalf("phase %d while an instance has more requests than the limit", c.trial.phase)
	}
	in.excess = false
	now = respond(&c, &in, now, 4*time.Second+100*time.Millisecond, 20)
	if c.trial.phase != raised || math.Abs(c.trial.rate-20) > 1 {
		t.Fatalf("phase %d, %.0f responses per second; want 20 with the limit", c.trial.phase, c.trial.rate)
	}
	respond(&c, &in, now, 3*time.Second, 60)
	if limit, _ := c.limit(); limit != math.MaxInt32 {
		t.Errorf("limit %d, although three times as many requests gave three times the responses", limit)
	}
}
