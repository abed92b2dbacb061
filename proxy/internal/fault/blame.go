package fault

import (
	"context"
	"errors"
	"strings"
	"syscall"
)

// Failure tells what an attempt that failed with err says against the instance,
// for registry.Lease.Failed. It is "" when that is nothing: the client or our
// own lack of something was the reason, the connection was refused, which is
// reported otherwise, or the instance has closed an idle connection, as it may.
// So is it when a request of an unknown method got no response: that is how Bun
// declines it, and clients must not be able to discredit instances with it.
func (a Attempt) Failure(err error) string {
	connect, ok := errors.AsType[*ConnectError](err)
	switch {
	case errors.Is(err, context.Canceled):
		return ""
	case ok && (connect.ours() || errors.Is(err, syscall.ECONNREFUSED)):
		return ""
	case ok:
		return strings.TrimSuffix("it cannot be reached: "+errnoText(err), ": ")
	case errors.Is(err, context.DeadlineExceeded):
		return "it did not respond in time"
	}
	broken, ok := errors.AsType[*BrokenError](err)
	switch {
	case !ok:
		return ""
	case broken.Received:
		return broken.what()
	case a.Reused && broken.After < ResendWithin, !known(a.Method):
		return ""
	default:
		return broken.what()
	}
}

// known reports whether a method is one of RFC 9110, 9.3, or RFC 5789.
func known(method string) bool { return Idempotent(method) || method == "POST" || method == "PATCH" }
