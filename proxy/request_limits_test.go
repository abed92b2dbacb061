package proxy_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestLimits checks that the limits of the settings hold.
func TestLimits(t *testing.T) {
	t.Parallel()
	instance := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			w.Header().Set("X", strings.Repeat("x", 2000))
		}
	}
	small := http1.Limits{Line: 100, Field: 200, Head: 1000, Fields: 10, ChunkLine: 8}
	large := http1.Limits{Line: 100 << 10, Field: 200 << 10, Head: 300 << 10, Fields: 500, ChunkLine: 1000}
	for _, c := range []struct {
		name, send string
		small      int
	}{
		{"line", "GET /" + strings.Repeat("a", 50<<10) + " HTTP/1.1\nHost: a\nConnection: close\n\n", 414},
		{"field", "GET / HTTP/1.1\nHost: a\nConnection: close\nX: " + strings.Repeat("a", 190<<10) + "\n\n", 431},
		{"fields", "GET / HTTP/1.1\nHost: a\nConnection: close\n" + strings.Repeat("X: y\n", 200) + "\n", 431},
		{"chunk", "POST / HTTP/1.1\nHost: a\nConnection: close\nTransfer-Encoding: chunked\n\n0;" + strings.Repeat("x", 900) + "\n\n", 400},
		{"response", "GET /large HTTP/1.1\nHost: a\nConnection: close\n\n", 200},
	} {
		for limits, want := range map[http1.Limits]int{small: c.small, large: 200} {
			f := newProxy(t, setup{instances: []string{server(t, instance)}, options: proxy.Options{Settings: proxy.Settings{Limits: limits}}})
			conn := proxytest.Dial(t, f.address)
			conn.Send(c.send)
			if got := statuses(t, conn); !slices.Equal(got, []int{want}) {
				t.Errorf("%s: got %v, want %d", c.name, got, want)
			}
		}
	}
}
