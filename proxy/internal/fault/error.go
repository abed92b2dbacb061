package fault

import (
	"errors"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Requests that are not for a reverse proxy to forward.
var (
	ErrConnect = errors.New("CONNECT is for forward proxies")
	ErrTrace   = errors.New("TRACE would show the instance's view of the request, credentials too")
)

// What is wrong with a message and package http1 cannot know: it has no clock, and
// sees one message at a time.
var (
	ErrSlowHead = &http1.Error{Status: 408, Reason: "header did not arrive in time"}
	ErrSlowBody = &http1.Error{Status: 408, Reason: "content did not arrive in time"}
	// ErrSurplus says that an instance sent what is no part of a response.
	ErrSurplus = &http1.Error{Status: 502, Reason: "bytes that are no part of a response"}
	// ErrSwitch says that an instance switched to another protocol than it was to.
	ErrSwitch = &http1.Error{Status: 502, Reason: "switched to a protocol that was not asked for"}
)

// ConnectError says that no connection to an instance could be made.
type ConnectError struct{ Cause error }

func (e *ConnectError) Error() string { return "connect to instance: " + e.Cause.Error() }

func (e *ConnectError) Unwrap() error { return e.Cause }

// ours reports whether it was for want of something on our side: the instance
// is not to blame, and another would not do better.
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

// BrokenError says that a connection to an instance broke before a whole
// response header.
type BrokenError struct {
	Cause    error
	Sent     bool          // a byte of the request
	Received bool          // a byte of the response
	After    time.Duration // since the request began to be sent
}

func (e *BrokenError) Error() string { return "exchange with instance: " + e.Cause.Error() }

func (e *BrokenError) Unwrap() error { return e.Cause }
