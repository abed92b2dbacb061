package cli

import (
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestScaleWait: scale --wait ends when the instances are ready, or says why they are
// not.
func TestScaleWait(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "")
	r.AwaitReady(2)
	if code, out, stderr := cli(t, "scale", "3", "--hold", "1h", "--wait", "--admin", r.Admin); code != 0 || out != "target 2 -> 3\n" || r.Ready() != 3 {
		t.Errorf("exit code %d, %d ready: %s%s", code, r.Ready(), out, stderr)
	}
	broken := daemontest.Start(t, "command: [sh, -c, 'echo broken >&2; exit 3']\n")
	daemontest.Eventually(t, "the reason", func() bool {
		return strings.Contains(broken.Pool().GetUnavailableReason(), "exit status 3: broken")
	})
	code, _, stderr := cli(t, "scale", "4", "--hold", "1h", "--wait", "--timeout", "1s", "--admin", broken.Admin)
	if code != exitFail || !strings.Contains(stderr, "0 of 4 instances ready after 1s: cannot start: exit status 3: broken") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
