package keeper

import (
	"strings"
	"testing"
)

// TestContainedBeforeItServes: what earlier runs have left behind is killed before a worker
// serves and starts an instance, also when the worker is ready first.
func TestContainedBeforeItServes(t *testing.T) {
	t.Parallel()
	k := startKeeper(t, fakeContainment+"=slow")
	k.state()
	k.log.mu.Lock()
	defer k.log.mu.Unlock()
	text := k.log.text.String()
	killed, serves := strings.Index(text, "orphans killed"), strings.Index(text, "instances are contained")
	if killed < 0 || serves < killed {
		t.Errorf("orphans killed at %d, serves at %d of the log", killed, serves)
	}
}

// TestNotContained: without a guard, dynlb does not serve.
func TestNotContained(t *testing.T) {
	t.Parallel()
	k := startKeeper(t, fakeContainment+"=fails")
	if code := k.exitCode(); code != 1 || k.log.count("no guard") != 1 || k.log.count("instances are contained") != 0 {
		t.Errorf("exit code %d", code)
	}
}
