package policy

import (
	"testing"
	"time"
)

// TestPace checks that a peer below the rate is too slow in the end, however it spreads
// its bytes, and that one above it never is.
func TestPace(t *testing.T) {
	t.Parallel()
	const rate, allowed = 200, 10 * time.Second
	type step struct {
		waited time.Duration
		moved  int64
	}
	for _, c := range []struct {
		name  string
		first step // once
		then  step // 1,000 times
		slow  bool
	}{
		{"one byte a second", step{}, step{time.Second, 1}, true},
		{"just below", step{}, step{time.Second, rate - 20}, true},
		{"just above", step{}, step{time.Second, rate + 1}, false},
		{"in bursts", step{}, step{9 * time.Second, 10 * rate}, false},
		{"fast, then slow", step{time.Second, 1 << 40}, step{time.Second, 1}, true},
		{"late, then fast", step{9 * time.Second, 0}, step{time.Second, 2 * rate}, false},
		{"not waited for", step{}, step{0, 0}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var p Pace
			slow := p.TooSlow(c.first.waited, c.first.moved, rate, allowed)
			for range 1000 {
				slow = slow || p.TooSlow(c.then.waited, c.then.moved, rate, allowed)
			}
			if slow != c.slow {
				t.Errorf("too slow: %v, want %v", slow, c.slow)
			}
		})
	}
	var p Pace
	if p.TooSlow(time.Hour, 0, 0, allowed) || p.TooSlow(time.Hour, 0, -1, allowed) {
		t.Error("too slow without a rate")
	}
}
