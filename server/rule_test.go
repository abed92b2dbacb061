package server

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// TestRuleOfDecision: the event and the status have the rule of the last decision.
func TestRuleOfDecision(t *testing.T) {
	t.Parallel()
	board := notice.New(registry.New(registry.Options{}))
	board.Decide(2, notice.Bounds{Max: 8}, time.Time{}, "queue", "12 requests wait: 0 -> 2")
	now, events, _ := board.Since(0)
	event := eventsOf("default", events)[0]
	decision := poolOf("default", &now).GetLastDecision()
	if event.GetRule() != "queue" || decision.GetRule() != "queue" || decision.GetReason() != "12 requests wait: 0 -> 2" ||
		!decision.GetTime().AsTime().Equal(event.GetTime().AsTime()) {
		t.Errorf("event %v, decision %v", event, decision)
	}
}
