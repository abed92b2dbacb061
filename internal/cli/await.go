package cli

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/terminal"
)

// await waits until n instances of an app are ready and no others of it exist, for the given time at
// most. The error says why it is not so.
func (r *remote) await(ctx context.Context, app string, n int32, limit time.Duration) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stream, err := r.WatchInstances(limited, &dynlbv1.WatchInstancesRequest{App: app})
	if err != nil {
		return r.explain(ctx, err)
	}
	var last *dynlbv1.Pool
	for {
		message, err := stream.Recv()
		over := status.Code(err) == codes.DeadlineExceeded || limited.Err() != nil // dynlb may end the call a moment earlier
		switch {
		case err != nil && over && last != nil && ctx.Err() == nil:
			return fmt.Errorf("%d of %d instances ready after %v%s", readyIn(last), n, limit, whyNot(last))
		case err != nil:
			return r.explain(ctx, err)
		}
		last = message.GetPool()
		switch {
		case last.GetTarget() != n:
			return fmt.Errorf("the target is %d now, in place of %d: 'dynlb watch' shows why, --hold keeps it", last.GetTarget(), n)
		case readyIn(last) == int(n) && len(last.GetInstances()) == int(n):
			return nil
		}
	}
}

// readyIn returns how many instances are ready.
func readyIn(p *dynlbv1.Pool) int {
	ready := 0
	for _, in := range p.GetInstances() {
		if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
			ready++
		}
	}
	return ready
}

// whyNot returns why instances are not ready, to follow another text; "" if that is
// not known.
func whyNot(p *dynlbv1.Pool) string {
	if reason := p.GetUnavailableReason(); reason != "" {
		return ": cannot start: " + reason
	}
	for _, in := range p.GetInstances() {
		if in.GetState() != dynlbv1.InstanceState_INSTANCE_STATE_READY {
			return fmt.Sprintf(": %s is %s", terminal.ShortID(in.GetId()), terminal.State(in))
		}
	}
	return ""
}
