package policy

import (
	"context"
	"errors"
	"strings"
)

// blame returns what an attempt that failed with err says against the instance,
// for registry.Lease.Failed, or "". Nothing is said when the client or a lack of
// our own was the reason, when the connection was refused, which is reported as
// that, and when the instance has closed an idle connection, as it may. Nor is it
// when a request of an unknown method got no response: Bun declines it that way,
// and clients must not be able to discredit instances with it.
func (a *Attempts) blame(err error) string {
	connect, _ := errors.AsType[*ConnectError](err)
	broken, _ := errors.AsType[*BrokenError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case connect != nil && (connect.ours() || connect.refused()):
		return ""
	case connect != nil:
		return strings.TrimSuffix("it cannot be reached: "+errnoText(err), ": ")
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not respond in time"
	case broken == nil:
		return ""
	case broken.Received:
		return broken.what()
	case broken.Reused && broken.After < ResendWithin, !a.known:
		return ""
	default:
		return broken.what()
	}
}

// Idempotent reports whether doing a request twice is the same as doing it once
// (RFC 9110, 9.2.2). Unknown methods are not.
func Idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	default:
		return false
	}
}

// known reports whether a method is one of RFC 9110, 9.3, or RFC 5789.
func known(method string) bool { return Idempotent(method) || method == "POST" || method == "PATCH" }
