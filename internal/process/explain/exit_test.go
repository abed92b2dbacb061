package explain

import (
	"errors"
	"os/exec"
	"testing"
)

func TestExit(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]string{"exit 3": "exit status 3", "kill -9 $$": "signal: killed"} {
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
		err := cmd.Run()
		if got := Exit(cmd.ProcessState, err); got != want {
			t.Errorf("%s: %q, want %q", script, got, want)
		}
	}
	if got := Exit(nil, errors.New("no child processes")); got != "no child processes" {
		t.Errorf("an exit without a state: %q", got)
	}
}

func TestOutOfMemory(t *testing.T) {
	t.Parallel()
	for kills, want := range map[uint64]string{0: "", 1: " (out of memory? OOM kills in its cgroup since it started: 1)"} {
		if got := OutOfMemory(kills); got != want {
			t.Errorf("%d kills: %q, want %q", kills, got, want)
		}
	}
}
