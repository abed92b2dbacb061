package fault

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/proxy/http1"
)

// TestFailure: what is held against the instance, and what is not.
func TestFailure(t *testing.T) {
	connect := func(err error) error { return &ConnectError{&net.OpError{Op: "dial", Err: err}} }
	hungUp := &BrokenError{Cause: io.EOF, Sent: true}
	for _, c := range []struct {
		name   string
		method string
		reused bool
		err    error
		want   string
	}{
		{"refused", "GET", false, connect(syscall.ECONNREFUSED), ""},
		{"no descriptors", "GET", false, connect(syscall.EMFILE), ""},
		{"client gone while connecting", "GET", false, connect(context.Canceled), ""},
		{"reset while connecting", "GET", false, connect(syscall.ECONNRESET), "it cannot be reached: connection reset by peer"},
		{"connecting takes too long", "GET", false, connect(context.DeadlineExceeded), "it cannot be reached: connection timed out"},
		{"connecting fails oddly", "GET", false, connect(errors.New("odd")), "it cannot be reached"},
		{"no response", "GET", false, hungUp, "the instance closed the connection without a response"},
		{"no response to a POST", "POST", false, hungUp, "the instance closed the connection without a response"},
		{"no response to what Bun does not know", "FOO", false, hungUp, ""},
		{"idle connection was closed", "GET", true, hungUp, ""},
		{"idle connection was closed after 10 s", "GET", true, &BrokenError{Cause: io.EOF, Sent: true, After: 2 * ResendWithin}, "the instance closed the connection without a response"},
		{"half a head", "FOO", true, &BrokenError{Cause: io.ErrUnexpectedEOF, Sent: true, Received: true}, "the instance closed the connection in the middle of the response header"},
		{"nonsense", "GET", false, &BrokenError{Cause: &http1.Error{Status: 502}, Sent: true, Received: true}, "the instance sent an invalid response"},
		{"no response in time", "GET", false, &BrokenError{Cause: context.DeadlineExceeded, Sent: true}, "it did not respond in time"},
		{"client gone", "GET", false, &BrokenError{Cause: context.Canceled, Sent: true}, ""},
		{"bad request", "GET", false, errors.New("net/http: invalid header"), ""},
	} {
		if got := (Attempt{Method: c.method, Reused: c.reused}).Failure(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
