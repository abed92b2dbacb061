package daemon_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
	"github.com/dynlb/dynlb/internal/state"
)

// TestStateDir: a daemon holds its folder, serves all the same if another one has it, and
// rejects a config that names another folder.
func TestStateDir(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state")
	yaml := fmt.Sprintf("stateDir: %s\nminInstances: 1\n", path)
	first := daemontest.Start(t, yaml)
	if _, err := state.Open(path); err == nil || !strings.Contains(err.Error(), "another dynlb uses it") {
		t.Errorf("the folder can be opened beside the daemon: %v", err)
	}
	second := daemontest.Start(t, yaml)
	if log := second.Log.String(); !strings.Contains(log, "stateDir cannot be used") {
		t.Errorf("the second daemon does not say that it keeps nothing: %s", log)
	}
	first.Reload("stateDir: off\nminInstances: 1\n")
	daemontest.Eventually(t, "a rejected config", func() bool {
		return strings.Contains(first.Pool().GetConfigError(), "stateDir, history and logs cannot change")
	})
}
