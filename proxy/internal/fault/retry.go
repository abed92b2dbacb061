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
	// DeathWithin is how long it may take until it is known that an instance has
	// died whose connections broke: they break one after the other, and the socket
	// that it listened on may be the last to go. A busy machine takes a while.
	DeathWithin = 500 * time.Millisecond
)

// Attempt is what counts of a request whose attempt at an instance failed.
type Attempt struct {
	Method    string
	Content   bool // the request has content
	Untouched bool // none of the content was taken from the client
	Reused    bool // the connection that broke had been idle
	Sent      bool // it was sent to the same instance before this attempt
	Resent    bool // it was sent again already, to the same instance
	Outlived  bool // it was sent again already, to another than the one that died
	// Implicated: the instance was stopped because it ceased to answer, and this
	// request may be why (see registry.Lease.Implicated).
	Implicated bool
}

// Retry is whether a request may be tried once more.
type Retry uint8

// The answers.
const (
	Never   Retry = iota
	Anew          // the instance cannot have got any of it
	Resend        // to the same instance, which may have got it: not a second time
	Outlive       // to another, though an instance that died may have got it: likewise
)

// After tells whether the request may be tried on another connection after err:
// on one to the same instance when the one that broke had been idle, else on one
// to another instance.
func (a Attempt) After(err error) Retry {
	if connect, ok := errors.AsType[*ConnectError](err); ok {
		if connect.ours() {
			return Never
		}
		return a.elsewhere()
	}
	broken, ok := errors.AsType[*BrokenError](err)
	switch {
	case !ok || a.Content && !a.Untouched:
		return Never
	case !broken.Sent && a.Reused:
		return Anew
	case !broken.Sent:
		return a.elsewhere()
	case a.Reused && !a.Resent && broken.After < ResendWithin && a.repeatable(broken):
		return Resend
	default:
		return Never
	}
}

// AfterDeath tells whether the request may be sent to another instance if err was
// because this one died. That is done once: the request may be what kills the
// instances it is sent to.
func (a Attempt) AfterDeath(err error) bool {
	broken, ok := errors.AsType[*BrokenError](err)
	return ok && !a.Outlived && a.repeatable(broken)
}

// elsewhere tells whether the request may go to another instance when this
// attempt has sent nothing.
func (a Attempt) elsewhere() Retry {
	switch {
	case !a.Sent:
		return Anew
	case a.Outlived:
		return Never
	default:
		return Outlive
	}
}

// repeatable reports whether the request may be sent again though it was sent:
// the instance had not begun to respond, there is nothing left to send that was
// not kept, and doing it twice does no harm, neither to the app nor to the next
// instance.
func (a Attempt) repeatable(broken *BrokenError) bool {
	return !broken.Received && !a.Implicated && !errors.Is(broken, context.DeadlineExceeded) &&
		!a.Content && Idempotent(a.Method)
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
