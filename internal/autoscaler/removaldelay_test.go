package autoscaler

import (
	"testing"
	"time"
)

// TestRemovalDelay: a removal that is wanted back soon makes the next one wait twice as long,
// up to a bound, and quiet takes that back.
func TestRemovalDelay(t *testing.T) {
	t.Parallel()
	const idle = 10 * time.Second
	s := NewScaler(Options{}, Settings{Idle: idle})
	now := time.Unix(0, 0)
	for i, want := range []time.Duration{2 * idle, 4 * idle, 8 * idle, 8 * idle} {
		s.lowered(now)
		now = now.Add(time.Second)
		s.rose(now)
		if got := s.idle(); got != want {
			t.Errorf("after %d early removals an instance must be idle for %v, want %v", i+1, got, want)
		}
	}
	now = now.Add(forgetAfter * s.idle())
	s.lowered(now.Add(time.Second))
	if got := s.idle(); got != 4*idle {
		t.Errorf("%v after a quiet time, want %v", got, 4*idle)
	}
	s.rose(now.Add(time.Hour))
	if got := s.idle(); got != 4*idle {
		t.Errorf("%v after a rise long after the removal, want %v", got, 4*idle)
	}
}
