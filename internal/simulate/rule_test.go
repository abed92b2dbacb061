package simulate

import (
	"testing"

	"github.com/dynlb/dynlb/internal/autoscaler"
)

// TestRules: each decision names the rule that made it.
func TestRules(t *testing.T) {
	t.Parallel()
	short := scaling(1, 8)
	short.Idle = 5 * second
	for rule, s := range map[string]Scenario{
		autoscaler.RuleBounds:  {App: oneAtATime, Load: []Phase{{For: second}}, Scaling: scaling(2, 8)},
		autoscaler.RuleOrder:   {App: oneAtATime, Load: []Phase{{For: second}}, Scaling: scaling(1, 8), From: 4},
		autoscaler.RuleZero:    {App: oneAtATime, Load: []Phase{{Burst: 25}}, Scaling: scaling(0, 8)},
		autoscaler.RuleQueue:   {App: oneAtATime, Load: step, Scaling: scaling(2, 8)},
		autoscaler.RuleLoad:    {App: unbounded, Load: []Phase{{For: second}, {Rate: 200, For: 10 * second}}, Scaling: scaling(1, 8)},
		autoscaler.RuleWindow:  {App: unbounded, Load: []Phase{{Rate: 18, For: 20 * second}}, Scaling: scaling(1, 8)},
		autoscaler.RuleReserve: {App: unbounded, Load: []Phase{{Rate: 2, For: 40 * second}}, Scaling: short, From: 4},
	} {
		s.Registry = auto
		r := Run(s)
		last := ""
		found := false
		for _, c := range r.Changes {
			last = c.Rule
			found = found || c.Rule == rule
		}
		if !found || last == "" {
			t.Errorf("no decision by %q", rule)
			for _, c := range r.Changes {
				t.Logf("%v: %d -> %d by %q: %s", c.At, c.From, c.To, c.Rule, c.Reason)
			}
		}
	}
}
