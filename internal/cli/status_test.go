package cli

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestStatusExitCode: the exit code of status is 3 when no instance is ready, in
// every form of the output.
func TestStatusExitCode(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 0\n")
	for _, output := range []string{outputTable, outputJSON, outputFull} {
		if code, _, stderr := cli(t, "status", "--admin", r.Admin, "-o", output); code != exitEmpty || stderr != "dynlb: no instance is ready\n" {
			t.Errorf("-o %s: exit code %d, %q", output, code, stderr)
		}
	}
	if code, _, stderr := cli(t, "scale", "1", "--admin", r.Admin); code != exitDone {
		t.Fatalf("scale: exit code %d, %s", code, stderr)
	}
	r.AwaitReady(1)
	for _, output := range []string{outputTable, outputJSON, outputFull} {
		code, stdout, stderr := cli(t, "status", "--admin", r.Admin, "-o", output)
		if code != exitDone || stderr != "" {
			t.Errorf("-o %s: exit code %d, %q", output, code, stderr)
		}
		if got := strings.Contains(stdout, `"stateReason":`); got != (output == outputFull) {
			t.Errorf("-o %s prints\n%s", output, stdout)
		}
	}
}
