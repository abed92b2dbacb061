package policy

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Requests that the router knows no app for.
var (
	// ErrNoApp says that there are apps with the host, and none of them has the path.
	ErrNoApp = errors.New("no app for this host and path")
	// ErrNoHost says that no app has the host.
	ErrNoHost = errors.New("no app has this host")
)

// ErrShutdown says that a request had no response when the time for draining was over, or was
// cut short by an operator.
var ErrShutdown = errors.New("no response within drainTimeout, or before an order to stop at once")

// Violations that package http1 cannot see: it has no clock, and reads one
// message at a time.
var (
	// ErrSlowHead says that the head of a request took too long.
	ErrSlowHead = &http1.Error{Status: 408, Reason: "header did not arrive in time"}
	// ErrPlainHTTP says that a client sent a request in place of a TLS handshake.
	ErrPlainHTTP = &http1.Error{Status: 400, Reason: "the client speaks plain HTTP, and this port HTTPS: write https:// in place of http://"}
	// ErrSlowBody says that a client was silent for too long within its content.
	ErrSlowBody = &http1.Error{Status: 408, Reason: "content did not arrive in time"}
	// ErrSurplus says that an instance sent bytes that belong to no response.
	ErrSurplus = &http1.Error{Status: 502, Reason: "bytes that are no part of a response"}
	// ErrSwitch says that an instance switched to a protocol that the client did
	// not ask for.
	ErrSwitch = &http1.Error{Status: 502, Reason: "switched to a protocol that was not asked for"}
	// ErrInterim says that an instance sent more than MaxInterim bytes of
	// informational responses.
	ErrInterim = &http1.Error{Status: 502, Reason: "too many informational responses"}
)

// ConnectError says that no connection to an instance could be made.
type ConnectError struct{ Cause error }

// Error returns the cause, and what failed.
func (e *ConnectError) Error() string { return "connect to instance: " + e.Cause.Error() }

// Unwrap returns the cause.
func (e *ConnectError) Unwrap() error { return e.Cause }

// connRefused reports whether nothing listens at the instance's endpoint.
func (e *ConnectError) connRefused() bool { return IsConnRefused(e.Cause) }

// IsConnRefused reports whether an error of connecting says that nothing listens at an
// endpoint. A Unix socket may be gone, too.
func IsConnRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ENOENT)
}

// IsBacklogFull reports whether an error of connecting says that too many connections
// wait to be accepted on a Unix socket. Over TCP, the kernel would try again by itself.
func IsBacklogFull(err error) bool { return errors.Is(err, syscall.EAGAIN) }

// ours reports whether the load balancer lacks a resource: the instance is not to
// blame, and connecting to another one would fail too.
func (e *ConnectError) ours() bool {
	for _, errno := range []syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
	} {
		if errors.Is(e.Cause, errno) {
			return true
		}
	}
	return false
}

// TimeoutError says that an instance did not respond in time. It is a
// context.DeadlineExceeded.
type TimeoutError struct {
	// Limit is the app's RequestTimeout.
	Limit time.Duration
	// Sending tells that the instance did not take the content for so long.
	Sending bool
}

// Error returns what the instance did not do.
func (e *TimeoutError) Error() string {
	what := "no response header within "
	if e.Sending {
		what = "no response, and no content taken for "
	}
	return what + e.Limit.String()
}

// Is reports whether target is context.DeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// BrokenError says that a connection to an instance broke before the head of a
// response was complete.
type BrokenError struct {
	// Cause is what was seen on the connection. A context.DeadlineExceeded says
	// that the instance did not respond in time.
	Cause error
	// Sent tells that a byte of the request was sent.
	Sent bool
	// Received tells that a byte of a response was received.
	Received bool
	// Reused tells that the connection had been idle before the request.
	Reused bool
	// Unprocessed tells that the instance has not acted on the request, although bytes of
	// it may have been sent: HTTP/2 lets an instance say so. Sent is false then.
	Unprocessed bool
	// Consumed tells that content was taken from the client and is not kept: the
	// request cannot be sent again.
	Consumed bool
	// Implicated tells that the instance was stopped because it ceased to answer,
	// and that the request may be the reason (registry.Lease.Implicated).
	Implicated bool
	// Exit tells how the instance ended if the request is the reason for that
	// (registry.Lease.Culprit), or is "".
	Exit string
	// After is the time since the request began to be sent.
	After time.Duration
}

// Error returns the cause, what failed, and when.
func (e *BrokenError) Error() string {
	text := "exchange with instance: " + e.Cause.Error()
	if e.After > 0 && !errors.Is(e.Cause, context.DeadlineExceeded) {
		text += fmt.Sprintf(", %v after the request began to be sent", e.After.Round(time.Millisecond))
	}
	if e.Exit != "" {
		text += "; the instance ended: " + e.Exit
	}
	return text
}

// Unwrap returns the cause.
func (e *BrokenError) Unwrap() error { return e.Cause }
