package policy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
)

func TestFaultOf(t *testing.T) {
	t.Parallel()
	dial := func(err error) error {
		return fmt.Errorf("wrapped: %w", &ConnectError{&net.OpError{Op: "dial", Addr: &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3)}, Err: err}})
	}
	for _, c := range []struct {
		err     error
		trouble string
		want    Fault
	}{
		{ErrShutdown, "", Fault{503, "the load balancer is shutting down", "no response within drainTimeout, or before an order to stop at once", retrySoon, outcome.Dynlb, "", nil}},
		{context.Canceled, "", Fault{499, "client closed the request", "", 0, outcome.Client, "", nil}},
		{registry.ErrQueueFull, "", Fault{503, "no instance available", registry.ErrQueueFull.Error(), retrySoon, outcome.Dynlb, keyQueueLimit, nil}},
		{registry.ErrQueueTimeout, "", Fault{503, "no instance available", registry.ErrQueueTimeout.Error(), retryLater, outcome.Dynlb, keyQueueTimeout, nil}},
		{&registry.RefusedError{Cause: registry.ErrQueueTimeout, RetryAfter: 1200 * time.Millisecond}, "", Fault{503, "no instance available", registry.ErrQueueTimeout.Error(), 2 * time.Second, outcome.Dynlb, keyQueueTimeout, nil}},
		{&registry.RefusedError{Cause: registry.ErrOverloaded, RetryAfter: time.Hour}, "", Fault{503, "no instance available", registry.ErrOverloaded.Error(), maxRetry, outcome.Dynlb, "", nil}},
		{&registry.RefusedError{Cause: registry.ErrOverloaded}, "", Fault{503, "no instance available", registry.ErrOverloaded.Error(), retrySoon, outcome.Dynlb, "", nil}},
		{registry.ErrQueueTimeout, "no bun", Fault{503, "no instance available", "no bun", retryLate, outcome.Dynlb, "", nil}},
		{registry.ErrClosed, "", Fault{503, "no instance available", "shutting down", retryLater, outcome.Dynlb, "", nil}},
		{dial(syscall.ECONNREFUSED), "no bun", Fault{502, "the instance cannot be reached", "connection refused", 0, outcome.Instance, "", nil}},
		{dial(context.DeadlineExceeded), "", Fault{502, "the instance cannot be reached", "connection timed out", 0, outcome.Instance, "", nil}},
		{dial(syscall.EMFILE), "", Fault{503, "the load balancer cannot open a connection", "too many open files", retrySoon, outcome.Dynlb, "", nil}},
		{dial(syscall.EADDRNOTAVAIL), "", Fault{503, "the load balancer cannot open a connection", "cannot assign requested address", retrySoon, outcome.Dynlb, "", nil}},
		{&BrokenError{Cause: context.DeadlineExceeded, Sent: true}, "", Fault{504, "the instance did not respond in time", "", 0, outcome.Instance, "", nil}},
		{&BrokenError{Cause: io.EOF, Sent: true}, "", Fault{502, "the instance closed the connection without a response", "", 0, outcome.Instance, "", nil}},
		{&BrokenError{Cause: io.ErrUnexpectedEOF, Sent: true, Received: true}, "", Fault{502, "the instance closed the connection in the middle of the response header", "", 0, outcome.Instance, "", nil}},
		{&BrokenError{Cause: errors.New("malformed HTTP status code"), Sent: true, Received: true}, "", Fault{502, "the instance sent an invalid response", "", 0, outcome.Instance, "", nil}},
		{&BrokenError{Cause: &TimeoutError{Limit: 30 * time.Second}, Sent: true}, "", Fault{504, "the instance did not respond in time", "no response header within 30s", 0, outcome.Instance, keyRequestTimeout, nil}},
		{&BrokenError{Cause: &TimeoutError{Limit: time.Second, Sending: true}, Sent: true}, "", Fault{504, "the instance did not respond in time", "no response, and no content taken for 1s", 0, outcome.Instance, keyRequestTimeout, nil}},
		{&BrokenError{Cause: io.EOF, Sent: true, After: 12100 * time.Millisecond}, "", Fault{502, "the instance closed the connection without a response", "after 12s without a byte: Bun's idleTimeout?", 0, outcome.Instance, "", nil}},
		{&BrokenError{Cause: io.EOF, Sent: true, After: time.Minute}, "", Fault{502, "the instance closed the connection without a response", "after 1m0s without a byte: a timeout of the app?", 0, outcome.Instance, "", nil}},
		{&BrokenError{Cause: io.EOF, Sent: true, Implicated: true}, "", Fault{502, "the instance closed the connection without a response", "dynlb stopped the instance because it did not answer; this request may be the reason", 0, outcome.Instance, "", nil}},
		{&BrokenError{Cause: ErrSwitch, Sent: true, Received: true}, "", Fault{502, "the instance sent an invalid response", ErrSwitch.Reason, 0, outcome.Instance, "", nil}},
		{ErrSlowHead, "", Fault{408, "the request is too slow", "header did not arrive in time", 0, outcome.Client, keyHeaderTimeout, nil}},
		{&http1.Error{Status: 431, Reason: "header is too long"}, "", Fault{431, "the request is too large", "header is too long", 0, outcome.Client, keyHeader, nil}},
		{ErrConnectMethod, "", Fault{501, "method not supported", ErrConnectMethod.Error(), 0, outcome.Client, "", nil}},
		{ErrTraceMethod, "", Fault{405, "method not allowed", ErrTraceMethod.Error(), 0, outcome.Client, "", nil}},
		{fmt.Errorf("route: %w", ErrNoApp), "", Fault{404, "not found", "no app for this host and path", 0, outcome.Client, "", nil}},
		{ErrNoHost, "", Fault{421, "misdirected request", "no app has this host", 0, outcome.Client, "", nil}},
		{ErrSlowBody, "", Fault{408, "the request is too slow", "content did not arrive in time", 0, outcome.Client, keyBodyTimeout, nil}},
		{errors.New("odd"), "", Fault{400, "the request cannot be forwarded", "", 0, outcome.Client, "", nil}},
	} {
		if got := FaultOf(c.err, c.trouble); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.err, got, c.want)
		}
	}
}

// TestWrite: a reason with quotes and markup is still JSON.
func TestWrite(t *testing.T) {
	t.Parallel()
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

// TestAppend: what a client of HTTP/1.1 gets, byte for byte but for the date.
func TestAppend(t *testing.T) {
	t.Parallel()
	const content = "{\"error\":\"a\"}\n"
	for _, c := range []struct {
		fault      Fault
		head, last bool
		want       string
	}{
		{Fault{Code: 502, Message: "a"}, false, false, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n" + content},
		{Fault{Code: 504, Message: "a", Key: "b"}, false, false, "HTTP/1.1 504 Gateway Timeout\r\nContent-Type: application/json\r\nContent-Length: 24\r\n\r\n{\"error\":\"a\",\"key\":\"b\"}\n"},
		{Fault{Code: 502, Message: "a"}, true, true, "HTTP/1.1 502 Bad Gateway\r\nContent-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n"},
		{Fault{Code: 501, Message: "a"}, true, true, "HTTP/1.1 501 Not Implemented\r\nContent-Type: application/json\r\nContent-Length: 14\r\nConnection: close\r\n\r\n"},
		{Fault{Code: 405, Message: "a"}, true, false, "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nContent-Length: 14\r\nAllow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n\r\n"},
	} {
		got := string(c.fault.Append(nil, c.head, c.last))
		before, rest, _ := strings.Cut(got, "Date: ")
		_, after, _ := strings.Cut(rest, "\r\n")
		if before+after != c.want {
			t.Errorf("%d: got %q, want %q", c.fault.Code, before+after, c.want)
		}
	}
}
