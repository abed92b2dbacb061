package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
)

// what returns what the instance did.
func (e *BrokenError) what() string {
	switch {
	case e.Exit != "":
		return "the instance ended while it worked on this request"
	case e.Unprocessed:
		return "the instance took no request"
	case !e.Received && isReset(e.Cause):
		return "the instance gave the request up"
	case !e.Received:
		return "the instance closed the connection without a response"
	case errors.Is(e.Cause, io.ErrUnexpectedEOF), errors.Is(e.Cause, io.EOF), errors.Is(e.Cause, syscall.ECONNRESET):
		return "the instance closed the connection in the middle of the response header"
	default:
		return "the instance sent an invalid response"
	}
}

// isReset reports whether an instance of HTTP/2 has ended a request, and not its
// connection.
func isReset(err error) bool {
	_, ok := errors.AsType[statusError](err)
	return ok
}

// Report tells the registry that the connection of the lease broke. The method and
// the path are those of the request.
func (e *BrokenError) Report(lease registry.Lease, method, path string) {
	if e.Sent && !errors.Is(e.Cause, context.DeadlineExceeded) {
		lease.Broke(method, path)
	}
}

// why returns the likely reason, as far as it is known and the client may know it.
func (e *BrokenError) why() string {
	violation, _ := errors.AsType[*http1.Error](e.Cause)
	switch {
	case e.Implicated:
		return "dynlb stopped the instance because it did not answer; this request may be the reason"
	case e.Exit != "":
		return e.Exit + "; the request is not sent to another instance, which it may end too"
	case violation != nil:
		return violation.Reason
	case e.Received || e.After < ResendWithin:
		return ""
	}
	reason := fmt.Sprintf("after %v without a byte: ", e.After.Round(time.Second))
	if e.After >= bunIdleTimeout && e.After < bunIdleTimeout+bunIdleSlack {
		return reason + "Bun's idleTimeout?"
	}
	return reason + "a timeout of the app?"
}

// Bun's server closes a connection on which nothing was sent for 10 s by default, which
// it checks every 4 s. A busy machine adds to that.
const (
	bunIdleTimeout = 10 * time.Second
	bunIdleSlack   = 5 * time.Second
)
