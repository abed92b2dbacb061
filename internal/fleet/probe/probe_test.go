package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// TestProbe: only a 2xx status in time means healthy, and the content does not matter.
func TestProbe(t *testing.T) {
	t.Parallel()
	const path = "/health?x=1"
	release := make(chan struct{})
	t.Cleanup(func() { close(release) }) // after the subtests
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   string // of the error; "": none
	}{
		{"healthy", func(http.ResponseWriter, *http.Request) {}, ""},
		{"path and query", func(w http.ResponseWriter, r *http.Request) {
			if r.RequestURI != path || r.UserAgent() != "dynlb-health" {
				w.WriteHeader(http.StatusBadRequest)
			}
		}, ""},
		{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, ""},
		{"unhealthy", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "GET /health?x=1: status 503, not 2xx"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/healthy", http.StatusFound) }, "GET /health?x=1: status 302, not 2xx"},
		{"100 MB", func(w http.ResponseWriter, _ *http.Request) {
			for range 100 {
				_, _ = io.WriteString(w, strings.Repeat("x", 1<<20)) // fails when the prober has closed the connection
			}
		}, ""},
		{"hangs", func(_ http.ResponseWriter, r *http.Request) { wait(r, release) }, "context deadline exceeded"},
		{"hangs in the body", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			wait(r, release)
		}, "context deadline exceeded"},
		{"broken off", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "four")
		}, "unexpected EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.answer)
			t.Cleanup(server.Close)
			limit := 30 * time.Second
			if strings.HasPrefix(c.name, "hangs") {
				limit = 100 * time.Millisecond
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			err := HTTP(ctx, tcpAt(strings.TrimPrefix(server.URL, "http://")), path)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("probe: %v, want %q", err, c.want)
			}
			if timedOut := errors.Is(err, context.DeadlineExceeded); timedOut != strings.HasPrefix(c.name, "hangs") {
				t.Errorf("%v is a timeout: %v", err, timedOut)
			}
		})
	}
}

// tcpAt returns the endpoint of a TCP address.
func tcpAt(address string) registry.Endpoint {
	return registry.Endpoint{Network: "tcp", Address: address}
}

// wait returns when the client has left, or release is closed.
func wait(r *http.Request, release <-chan struct{}) {
	select {
	case <-r.Context().Done():
	case <-release:
	}
}

// TestProbeGarbage: an answer that is not HTTP is a failure.
func TestProbeGarbage(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"": "", "hello\r\n\r\n": "", "HTTP/1.1 200": "", "\x00\x01\x02": "", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n": "",
		"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x04\x00\x10\x00\x00": "the instance speaks HTTP/2 only, and dynlb HTTP/1.1 to it; for HTTP/2 set protocol: h2c",
		"\x15\x03\x01\x00\x02\x02\x46":                                 "the instance speaks TLS",
	} {
		t.Run(fmt.Sprintf("%.20q", answer), func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() { // ends with its connection
				defer close(done)
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4096))
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}()
			if err := HTTP(t.Context(), tcpAt(l.Addr().String()), "/health"); err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
			_ = l.Close()
			<-done
		})
	}
}
