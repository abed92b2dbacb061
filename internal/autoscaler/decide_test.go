package autoscaler

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
)

func TestDecide(t *testing.T) {
	rules := Rules{
		Bounds: notice.Bounds{Min: 2, Max: 8},
		Up:     3,
		Down:   0.5,
		Idle:   30 * time.Second,
		Window: 5 * time.Second,
	}
	toZero := rules
	toZero.Bounds.Min = 0
	for _, c := range []struct {
		name   string
		rules  Rules
		in     input
		want   int
		reason string
	}{
		{"quiet", rules, input{target: 2, load: 0, idle: 2}, 2, ""},
		{"busy enough", rules, input{target: 2, load: 6}, 2, ""},
		{"a little too busy", rules, input{target: 2, load: 6.2}, 3, "avg load 3.1 > 3 over 5s: 2 -> 3"},
		{"too busy", rules, input{target: 2, load: 11}, 4, "avg load 5.5 > 3 over 5s: 2 -> 4"},
		{"no more than twice as many", rules, input{target: 2, load: 40}, 4, "avg load 20 > 3 over 5s: 2 -> 4"},
		{"no more than the most", rules, input{target: 5, load: 1000}, 8, "avg load 200 > 3 over 5s: 5 -> 8"},
		{"the most already", rules, input{target: 8, load: 1000}, 8, ""},
		{"beyond counting", rules, input{target: 4, load: 1e300}, 8, "avg load 2.5e+299 > 3 over 5s: 4 -> 8"},
		{"idle ones go", rules, input{target: 6, load: 1, idle: 3}, 3, "avg load 0.17 < 0.5 over 5s, 3 idle for 30s: 6 -> 3"},
		{"no fewer than the least", rules, input{target: 6, load: 0, idle: 6}, 2, "avg load 0 < 0.5 over 5s, 6 idle for 30s: 6 -> 2"},
		{"quiet, but none is idle for long", rules, input{target: 6, load: 1}, 6, ""},
		{"idle ones, but too much load", rules, input{target: 6, load: 3, idle: 3}, 6, ""},
		{"those that stay can bear it", toZero, input{target: 20, load: 7, idle: 20}, 8, "bounds are 0 to 8: 20 -> 8"},
		{"those that stay can bear it", toZero, input{target: 8, load: 3.5, idle: 8}, 2, "avg load 0.44 < 0.5 over 5s, 8 idle for 30s: 8 -> 2"},
		{"to zero", toZero, input{target: 1, load: 0, idle: 1}, 0, "avg load 0 < 0.5 over 5s, 1 idle for 30s: 1 -> 0"},
		{"not to zero while somebody waits", toZero, input{target: 1, load: 0.2, idle: 1}, 1, ""},
		{"zero and nobody there", toZero, input{target: 0}, 0, ""},
		{"from zero", toZero, input{target: 0, load: 7}, 1, "7 requests wait and no instance runs: 0 -> 1"},
		{"below the bounds", rules, input{target: 0}, 2, "bounds are 2 to 8: 0 -> 2"},
		{"above the bounds", rules, input{target: 9, load: 100}, 8, "bounds are 2 to 8: 9 -> 8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, reason := decide(c.in, c.rules)
			if got != c.want || reason != c.reason {
				t.Errorf("decide(%+v)\n got %d, %q\nwant %d, %q", c.in, got, reason, c.want, c.reason)
			}
		})
	}
}
