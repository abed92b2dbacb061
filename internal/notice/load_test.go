package notice

import (
	"reflect"
	"testing"
	"time"
)

// TestRules: the changes of the target are counted by rule, and a snapshot keeps its counts.
func TestRules(t *testing.T) {
	t.Parallel()
	b, _ := newBoard()
	decide := func(n int, rule string) { b.Decide(n, Bounds{Max: 8}, time.Time{}, rule, "because") }
	decide(2, "bounds") // the first target is no change
	decide(4, "load")
	before := b.Snapshot()
	decide(5, "load")
	decide(3, "idle")
	decide(2, "load")
	if want := []RuleCount{{Rule: "load", Raised: 1}}; !reflect.DeepEqual(before.Rules, want) {
		t.Errorf("the snapshot has %v, want %v", before.Rules, want)
	}
	if got, want := b.Snapshot().Rules, []RuleCount{{"load", 2, 1}, {"idle", 0, 1}}; !reflect.DeepEqual(got, want) {
		t.Errorf("rules %v, want %v", got, want)
	}
}
