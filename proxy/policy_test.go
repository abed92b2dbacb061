package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// TestMayRetry is the retry rule, case by case.
func TestMayRetry(t *testing.T) {
	broken := func(change func(*fault.BrokenError)) error {
		e := &fault.BrokenError{Cause: io.EOF, Sent: true}
		change(e)
		return e
	}
	sent := broken(func(*fault.BrokenError) {})
	unsent := broken(func(e *fault.BrokenError) { e.Sent = false })
	refused := &fault.ConnectError{Cause: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}
	for _, c := range []struct {
		name, method, body string
		touched, reused    bool
		err                error
		want               bool
	}{
		{"refused", "POST", "x", false, false, refused, true},
		{"timed out", "POST", "x", false, false, &fault.ConnectError{Cause: context.DeadlineExceeded}, true},
		{"no descriptors", "GET", "", false, false, &fault.ConnectError{Cause: syscall.EMFILE}, false},
		{"nothing sent", "POST", "x", false, true, unsent, true},
		{"nothing sent on a new connection", "POST", "x", false, false, unsent, true},
		{"nothing sent, body begun", "POST", "x", true, true, unsent, false},
		{"GET", "GET", "", false, true, sent, true},
		{"PUT", "PUT", "", false, true, sent, true},
		{"GET on a new connection", "GET", "", false, false, sent, false},
		{"GET with a body", "GET", "x", false, true, sent, false},
		{"POST", "POST", "", false, true, sent, false},
		{"PATCH", "PATCH", "", false, true, sent, false},
		{"unknown method", "FOO", "", false, true, sent, false},
		{"lower case", "get", "", false, true, sent, false},
		{"response begun", "GET", "", false, true, broken(func(e *fault.BrokenError) { e.Received = true }), false},
		{"late", "GET", "", false, true, broken(func(e *fault.BrokenError) { e.After = fault.ResendWithin }), false},
		{"no response in time", "GET", "", false, true, broken(func(e *fault.BrokenError) { e.Cause = context.DeadlineExceeded }), false},
		{"bad request", "GET", "", false, true, errors.New("net/http: invalid header"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &exchange{}
			req := httptest.NewRequest(c.method, "/", nil)
			req.Body = nil
			if c.body != "" {
				e.upload = &upload{body: strings.NewReader(c.body), touched: c.touched}
				req.Body = e.upload
			}
			got := e.mayRetry(req, c.err, c.reused)
			if (got != fault.Never) != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
			e.resent = got == fault.Resend
			if c.want && c.err == sent && e.mayRetry(req, c.err, c.reused) != fault.Never { //nolint:errorlint // the very value
				t.Error("sent a third time")
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if (&exchange{}).mayRetry(req.WithContext(ctx), c.err, c.reused) != fault.Never {
				t.Error("for a client that is gone")
			}
		})
	}
}

// TestUploadClose: closing is the transport's habit, not the end.
func TestUploadClose(t *testing.T) {
	u := &upload{body: strings.NewReader("body")}
	_ = u.Close()
	if b, err := io.ReadAll(u); !u.complete() || string(b) != "body" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	if u.whole() {
		t.Error("whole after it was read")
	}
}

// TestGoneClientGetsNothing: not even the implicit 200 of net/http.
func TestGoneClientGetsNothing(t *testing.T) {
	codes := make(chan int, 1)
	p := New(Options{
		Registry: registry.New(registry.Options{QueueLimit: 1, QueueTimeout: time.Second}),
		Record:   func(code int, _ time.Duration) { codes <- code },
	})
	defer func() { _ = p.Shutdown(context.Background()) }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	defer func() {
		if got := recover(); got != http.ErrAbortHandler { //nolint:errorlint // net/http compares it so
			t.Errorf("panic %v, want ErrAbortHandler", got)
		}
		if len(w.Body.Bytes()) != 0 || <-codes != StatusClientClosed {
			t.Errorf("wrote %q", w.Body)
		}
	}()
	p.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
}

// TestUploadLeave: whoever still reads the body when the handler has ended does
// not touch its writer, which HTTP/2 answers with a panic.
func TestUploadLeave(t *testing.T) {
	used := 0
	u := &upload{body: strings.NewReader("body"), renew: func() { used++ }}
	_, _ = u.Read(make([]byte, 1))
	u.leave()
	_, _ = u.Read(make([]byte, 1))
	if used != 1 {
		t.Errorf("the writer was used %d times, want once", used)
	}
}
