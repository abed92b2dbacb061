package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestGuardHelp: 'dynlb guard --help' prints its help, and does not wait for input as a guard
// does.
func TestGuardHelp(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a guard would wait without end
	defer cancel()
	cmd := exec.CommandContext(ctx, self, "guard", "--help")
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = input.Close() }() // the process has ended
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "dynlb guard [flags]") {
		t.Errorf("got %q, %v", out, err)
	}
}
