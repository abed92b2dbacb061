package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestUncleanEnd: the start after an end without a shutdown is an event and a line in the
// log. A start after a shutdown is none.
func TestUncleanEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	yaml := fmt.Sprintf("stateDir: %s\nminInstances: 1\n", dir)
	r := daemontest.Start(t, yaml)
	r.AwaitReady(1)
	mark, err := os.ReadFile(filepath.Join(dir, "running.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	unclean := func(r *daemontest.Running) (reason string) {
		for _, e := range listEvents(t, r, 0) {
			if e.GetType() == dynlbv1.EventType_EVENT_TYPE_UNCLEAN_END {
				reason = e.GetReason()
			}
		}
		return reason
	}
	r = daemontest.Start(t, yaml)
	r.AwaitReady(1)
	if got := unclean(r); got != "" {
		t.Errorf("after a shutdown: %s", got)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "running.json"), mark, 0o600); err != nil { // as a kill leaves it
		t.Fatal(err)
	}
	r = daemontest.Start(t, yaml)
	r.AwaitReady(1)
	daemontest.Eventually(t, "the event", func() bool { return strings.Contains(unclean(r), "had ended without a shutdown") })
	if !strings.Contains(r.Log.String(), "had ended without a shutdown") {
		t.Errorf("the log has no line: %s", r.Log.String())
	}
}
