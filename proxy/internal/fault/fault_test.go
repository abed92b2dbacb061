package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
)

func TestOf(t *testing.T) {
	dial := func(err error) error {
		return fmt.Errorf("wrapped: %w", &ConnectError{&net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3)}, Err: err}})
	}
	for _, c := range []struct {
		err     error
		trouble string
		want    Fault
	}{
		{context.Canceled, "", Fault{499, "client closed the request", "", 0}},
		{registry.ErrQueueFull, "", Fault{503, "no instance available", registry.ErrQueueFull.Error(), retrySoon}},
		{registry.ErrQueueTimeout, "", Fault{503, "no instance available", registry.ErrQueueTimeout.Error(), retryLater}},
		{registry.ErrQueueTimeout, "no bun", Fault{503, "no instance available", "no bun", retryLate}},
		{registry.ErrClosed, "", Fault{503, "no instance available", "shutting down", retryLater}},
		{dial(syscall.ECONNREFUSED), "no bun", Fault{502, "the instance cannot be reached", "connection refused", 0}},
		{dial(context.DeadlineExceeded), "", Fault{502, "the instance cannot be reached", "connection timed out", 0}},
		{dial(syscall.EMFILE), "", Fault{503, "the load balancer cannot open a connection", "too many open files", retrySoon}},
		{dial(syscall.EADDRNOTAVAIL), "", Fault{503, "the load balancer cannot open a connection", "cannot assign requested address", retrySoon}},
		{&BrokenError{Cause: context.DeadlineExceeded, Sent: true}, "", Fault{504, "the instance did not respond in time", "", 0}},
		{&BrokenError{Cause: io.EOF, Sent: true}, "", Fault{502, "the instance closed the connection without a response", "", 0}},
		{&BrokenError{Cause: io.ErrUnexpectedEOF, Sent: true, Received: true}, "", Fault{502, "the instance closed the connection in the middle of the response header", "", 0}},
		{&BrokenError{Cause: errors.New("malformed HTTP status code"), Sent: true, Received: true}, "", Fault{502, "the instance sent an invalid response", "", 0}},
		{ErrConnect, "", Fault{501, "method not supported", ErrConnect.Error(), 0}},
		{ErrTrace, "", Fault{405, "method not allowed", ErrTrace.Error(), 0}},
		{errors.New("odd"), "", Fault{400, "the request cannot be forwarded", "", 0}},
	} {
		if got := Of(c.err, c.trouble); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.err, got, c.want)
		}
	}
}

// TestWrite: a reason with quotes and markup is still JSON.
func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	Fault{Code: 503, Message: "no instance available", Reason: "\"<bun>\"\n", RetryAfter: retryLater}.Write(w)
	res := w.Result()
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if got := string(body); got != `{"error":"no instance available","reason":"\"\u003cbun\u003e\"\n"}`+"\n" {
		t.Errorf("body %s", got)
	}
	if res.StatusCode != 503 || res.Header.Get("Retry-After") != "5" || res.ContentLength != int64(len(body)) {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
}
