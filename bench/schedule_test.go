package main

import (
	"testing"
	"time"
)

func TestScheduleHasItsRate(t *testing.T) {
	start := time.Now()
	s, twin := newSchedule(1000, start), newSchedule(1000, start)
	for range 10_000 {
		last := s.next
		s.advance()
		twin.advance()
		if s.next.Before(last) || !s.next.Equal(twin.next) {
			t.Fatalf("%v after %v, twin %v", s.next, last, twin.next)
		}
	}
	if took := s.next.Sub(start); took < 9*time.Second || took > 11*time.Second {
		t.Errorf("10,000 requests in %v, want about 10 s", took)
	}
}
