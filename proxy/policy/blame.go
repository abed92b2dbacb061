package policy

import (
	"context"
	"errors"
	"strings"
)

// blame returns what the instance did wrong in an attempt that failed with err, for
// registry.Lease.Failed, or "". An instance is not blamed if the client is the
// reason, or the load balancer lacks a resource; if it refused the connection, which
// Decision.ConnRefused reports; or if it closed an idle connection, as it may. It is not
// blamed either if a request of an unknown method got no response: Bun declines such
// a request that way, and clients must not be able to discredit instances with it.
func (a *Attempts) blame(err error) string {
	connect, _ := errors.AsType[*ConnectError](err)
	broken, _ := errors.AsType[*BrokenError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case connect != nil && (connect.ours() || connect.connRefused()):
		return ""
	case connect != nil:
		return strings.TrimSuffix("it cannot be reached: "+errnoText(err), ": ")
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not respond in time"
	case broken == nil, broken.Unprocessed:
		return ""
	case broken.Received:
		return broken.what()
	case broken.Reused && broken.After < ResendWithin, !a.known:
		return ""
	default:
		return broken.what()
	}
}
