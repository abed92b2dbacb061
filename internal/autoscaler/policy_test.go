package autoscaler

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
)

func TestThresholds(t *testing.T) {
	t.Parallel()
	bounds, toZero := notice.Bounds{Min: 2, Max: 8}, notice.Bounds{Max: 8}
	for _, c := range []struct {
		name   string
		bounds notice.Bounds
		in     Input
		want   int
		reason string
	}{
		{"quiet", bounds, Input{Target: 2, Load: 0, Idle: 2}, 2, ""},
		{"busy enough", bounds, Input{Target: 2, Load: 6}, 2, ""},
		{"a little too busy", bounds, Input{Target: 2, Load: 6.2}, 3, "avg load 3.1 > 3 over 5s: 2 -> 3"},
		{"too busy", bounds, Input{Target: 2, Load: 11}, 4, "avg load 5.5 > 3 over 5s: 2 -> 4"},
		{"no more than twice as many", bounds, Input{Target: 2, Load: 40}, 4, "avg load 20 > 3 over 5s: 2 -> 4"},
		{"no more than the upper bound", bounds, Input{Target: 5, Load: 1000}, 8, "avg load 200 > 3 over 5s: 5 -> 8"},
		{"the upper bound already", bounds, Input{Target: 8, Load: 1000}, 8, ""},
		{"beyond counting", bounds, Input{Target: 4, Load: 1e300}, 8, "avg load 2.5e+299 > 3 over 5s: 4 -> 8"},
		{"idle ones go", bounds, Input{Target: 6, Load: 1, Idle: 3}, 3, "avg load 0.17 < 0.5 over 5s, 3 idle for 30s: 6 -> 3"},
		{"no fewer than the lower bound", bounds, Input{Target: 6, Load: 0, Idle: 6}, 2, "avg load 0 < 0.5 over 5s, 6 idle for 30s: 6 -> 2"},
		{"quiet, but none is idle for long", bounds, Input{Target: 6, Load: 1}, 6, ""},
		{"idle ones, but too much load", bounds, Input{Target: 6, Load: 3, Idle: 3}, 6, ""},
		{"those that stay can bear it", toZero, Input{Target: 20, Load: 7, Idle: 20}, 8, "bounds are 0 to 8: 20 -> 8"},
		{"those that stay can bear it", toZero, Input{Target: 8, Load: 3.5, Idle: 8}, 2, "avg load 0.44 < 0.5 over 5s, 8 idle for 30s: 8 -> 2"},
		{"to zero", toZero, Input{Target: 1, Load: 0, Idle: 1}, 0, "avg load 0 < 0.5 over 5s, 1 idle for 30s: 1 -> 0"},
		{"not to zero while a request waits", toZero, Input{Target: 1, Load: 0.2, Idle: 1}, 1, ""},
		{"zero and no request", toZero, Input{Target: 0}, 0, ""},
		{"from zero", toZero, Input{Target: 0, Load: 7}, 1, "7 requests wait and no instance runs: 0 -> 1"},
		{"spare: quiet", toZero, Input{Target: 1, Spare: 1, Load: 0, Idle: 1}, 1, ""},
		{"spare: one request", toZero, Input{Target: 1, Spare: 1, Load: 0.1}, 2, "load 0.1 over 5s needs 1: 1 -> 2 (1 spare)"},
		{"spare: busy enough", bounds, Input{Target: 3, Spare: 1, Load: 6}, 3, ""},
		{"spare: too busy", bounds, Input{Target: 3, Spare: 1, Load: 6.2}, 4, "avg load 3.1 > 3 over 5s: 3 -> 4 (1 spare)"},
		{"spare: no more than twice as many", bounds, Input{Target: 3, Spare: 1, Load: 40}, 5, "avg load 20 > 3 over 5s: 3 -> 5 (1 spare)"},
		{"spare: no more than the upper bound", bounds, Input{Target: 7, Spare: 3, Load: 40}, 8, "avg load 10 > 3 over 5s: 7 -> 8 (3 spare)"},
		{"spare: fewer than the spare ones", bounds, Input{Target: 2, Spare: 4, Load: 1}, 5, "load 1 over 5s needs 1: 2 -> 5 (4 spare)"},
		{"spare: idle ones go", bounds, Input{Target: 6, Spare: 2, Load: 1, Idle: 5}, 3, "avg load 0.25 < 0.5 over 5s, 5 idle for 30s: 6 -> 3 (2 spare)"},
		{"spare: from zero", toZero, Input{Target: 0, Spare: 2, Load: 7}, 3, "7 requests wait and no instance runs: 0 -> 3 (2 spare)"},
		{"below the bounds", bounds, Input{Target: 0}, 2, "bounds are 2 to 8: 0 -> 2"},
		{"above the bounds", bounds, Input{Target: 9, Load: 100}, 8, "bounds are 2 to 8: 9 -> 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.in.Bounds, c.in.Window, c.in.IdleFor = c.bounds, 5*time.Second, 30*time.Second
			got, reason := withinBounds(c.in.Target, c.bounds)
			if reason == "" {
				got, reason = Thresholds{Up: 3, Down: 0.5}.Decide(c.in)
			}
			if got != c.want || reason != c.reason {
				t.Errorf("Decide(%+v)\n got %d, %q\nwant %d, %q", c.in, got, reason, c.want, c.reason)
			}
		})
	}
}

// steady is a second policy: one instance for every request at once.
type steady struct{}

func (steady) Decide(in Input) (int, string) {
	if n := in.Bounds.Clamp(int(in.Load)); n != in.Target {
		return n, "one for each"
	}
	return in.Target, ""
}

// TestAnotherPolicy checks that the autoscaler does what a policy decides, within the
// bounds.
func TestAnotherPolicy(t *testing.T) {
	t.Parallel()
	settings := defaults
	settings.Policy = steady{}
	scaling(t, settings, func(t *testing.T, _ *Autoscaler, f *fleet) {
		wait(time.Second)
		release := busy(t, f.registry, 5)
		wait(2 * settings.Window)
		if n := f.size(); n != 5 {
			t.Errorf("%d instances for 5 requests, want 5", n)
		}
		release()
	})
}
