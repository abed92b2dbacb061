package fault

import (
	"context"
	"errors"
	"time"
)

const (
	// MaxAttempts bounds how many claims a request may use up. An instance that
	// refuses a connection is not claimed again, so that this is how many may
	// have died unnoticed.
	MaxAttempts = 10
	// ResendWithin is how soon a connection must break for a request to be sent
	// again after it was sent. One that the instance had closed already breaks
	// within a round trip, one that lasts so long was closed by decision: Bun
	// does so with a handler that is silent for 10 s.
	ResendWithin = 5 * time.Second
)

// Attempt is what counts of a request whose attempt at an instance failed.
type Attempt struct {
	Method    string
	Content   bool // the request has content
	Untouched bool // none of the content was taken from the client
	Reused    bool // the connection that broke had been idle
	Resent    bool // the request was sent again already, after it had been sent
}

// Retry is whether a request may be tried once more.
type Retry uint8

// The answers.
const (
	Never  Retry = iota
	Anew         // the instance cannot have got any of it
	Resend       // the instance may have got it: another Resend there must not be
)

// After tells whether the request may be tried on another connection after err.
func (a Attempt) After(err error) Retry {
	if connect, ok := errors.AsType[*ConnectError](err); ok {
		if connect.ours() {
			return Never
		}
		return Anew
	}
	broken, ok := errors.AsType[*BrokenError](err)
	switch {
	case !ok || a.Content && !a.Untouched:
		return Never
	case !broken.Sent:
		return Anew
	case a.Reused && broken.After < ResendWithin && a.AfterDeath(err):
		return Resend
	default:
		return Never
	}
}

// AfterDeath tells whether the request may be sent again if err was because the
// instance died: it had not begun to respond, there is nothing left to send that
// was not kept, doing it twice does no harm, and it was not sent twice already. It
// may be what kills the instances it is sent to.
func (a Attempt) AfterDeath(err error) bool {
	broken, ok := errors.AsType[*BrokenError](err)
	return ok && !broken.Received && !errors.Is(err, context.DeadlineExceeded) &&
		!a.Resent && !a.Content && Idempotent(a.Method)
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
