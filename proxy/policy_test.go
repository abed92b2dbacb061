package proxy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

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
