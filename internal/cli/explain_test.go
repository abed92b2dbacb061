package cli

import (
	"strings"
	"testing"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestExplainLoad: the load is divided by the target, as the autoscaler does it, and not by
// the instances that are ready.
func TestExplainLoad(t *testing.T) {
	t.Parallel()
	p := &dynlbv1.Pool{
		Target: 4, MinInstances: 1, MaxInstances: 8, ScaleUpThreshold: 2, ScaleDownThreshold: 1,
		Load: 3, // of the one that is ready
		Instances: []*dynlbv1.Instance{
			{State: dynlbv1.InstanceState_INSTANCE_STATE_READY, Load: 3, InFlight: 3},
			{State: dynlbv1.InstanceState_INSTANCE_STATE_STARTING},
			{State: dynlbv1.InstanceState_INSTANCE_STATE_DRAINING, Load: 5},
		},
	}
	text := strings.Join(explainPool(p, time.Now()), "\n")
	for _, want := range []string{
		"load now: 0.75 for each instance",
		"more: when the load of all is above 8.0 (2 for each of 4), 2.7 times that of now",
		"0 are idle now",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in:\n%s", want, text)
		}
	}
	p.UnavailableReason = "exit status 3"
	if text := strings.Join(explainPool(p, time.Now()), "\n"); !strings.Contains(text, "\ncannot start: exit status 3\n") {
		t.Error(text)
	}
	p.WaitingRequests = 2
	if text := strings.Join(explainPool(p, time.Now()), "\n"); !strings.Contains(text, "load now: 1.25 ") || !strings.Contains(text, "the load is not") {
		t.Error(text)
	}
}
