package main

import (
	"math/rand/v2"
	"time"
)

// A schedule is when an open loop sends: at random moments, independent of each
// other and of the answers, as many users who do not know of each other do (a
// Poisson process). The same rate always gives the same schedule.
type schedule struct {
	random *rand.Rand
	mean   float64 // gap, in nanoseconds
	next   time.Time
}

// newSchedule has rate requests per second on average, from start on.
func newSchedule(rate float64, start time.Time) *schedule {
	s := &schedule{random: rand.New(rand.NewPCG(1, 2)), mean: float64(time.Second) / rate, next: start}
	s.advance()
	return s
}

// advance moves next on to the moment after it.
func (s *schedule) advance() {
	s.next = s.next.Add(time.Duration(s.random.ExpFloat64() * s.mean))
}
