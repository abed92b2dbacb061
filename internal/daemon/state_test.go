package daemon_test

import (
	"fmt"
	"os"
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

// TestStateFolders: a daemon that cannot use a folder in its own serves all the same, and
// says what it does not keep.
func TestStateFolders(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	for _, name := range []string{"history", "logs"} {
		if err := os.WriteFile(filepath.Join(path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := daemontest.Start(t, fmt.Sprintf("stateDir: %s\nminInstances: 1\n", path)).Log.String()
	for _, name := range []string{"history", "logs"} {
		if !strings.Contains(log, name+" cannot be kept over a restart") {
			t.Errorf("the log does not say that %s cannot be kept: %s", name, log)
		}
	}
}
