package cli

import (
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"

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

// ends is a control service whose watches end after the whole state, as they do when dynlb
// finds first that their time is over.
type ends struct{ moved }

func (*ends) WatchInstances(_ *dynlbv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchInstancesResponse]) error {
	_ = stream.Send(&dynlbv1.WatchInstancesResponse{Pool: &dynlbv1.Pool{Target: 3}}) // the client may be gone
	return status.Error(codes.DeadlineExceeded, "context deadline exceeded")
}

// TestWaitEndsAtDynlb: the outcome of a wait is the same if dynlb ends it.
func TestWaitEndsAtDynlb(t *testing.T) {
	t.Parallel()
	code, _, stderr := cli(t, "scale", "3", "--wait", "--timeout", "1h", "--admin", serveControl(t, new(ends)))
	if code != exitFail || !strings.Contains(stderr, "0 of 3 instances ready after 1h0m0s") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
