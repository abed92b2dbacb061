package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/edge"
)

// TestHeaders: fields of responses are set and removed in any letters, security headers
// are added unless the instance has its own, and what frames a response stays.
func TestHeaders(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
			for _, name := range []string{"server", "x-powered-by", "X-Set"} {
				w.Header()[name] = []string{"one", "two"}
			}
			w.Header().Set("X-Frame-Options", "DENY")
			if r.URL.Path == "/empty" {
				w.WriteHeader(http.StatusNoContent)
				return
			}
			_, _ = io.WriteString(w, "content")
		})},
		edge: edge.Settings{
			Set: map[string]string{"x-set": "ours", "X-New": "new"}, Remove: []string{"Server", "X-Powered-By", "X-Missing"},
			SecurityHeaders: true,
		},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for path, want := range map[string]string{"/": "content", "/empty": ""} {
			res := get(t, client, f.url+path)
			if body := readAll(t, res); body != want || path == "/" && res.ContentLength != 7 {
				t.Errorf("content %q of %d bytes, want %q", body, res.ContentLength, want)
			}
			for name, values := range map[string][]string{
				"Server": nil, "X-Powered-By": nil, "X-Set": {"ours"}, "X-New": {"new"}, "X-Frame-Options": {"DENY"},
				"X-Content-Type-Options": {"nosniff"}, "Referrer-Policy": {"strict-origin-when-cross-origin"},
			} {
				if got := res.Header.Values(name); !slices.Equal(got, values) {
					t.Errorf("%s: %s: %q, want %q", path, name, got, values)
				}
			}
		}
	})
}

// TestHeadersOfFaults: the answers of dynlb itself have the fields once, and keep those
// that they need.
func TestHeadersOfFaults(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		queue: registry.Options{QueueLimit: 1, QueueTimeout: soon},
		edge: edge.Settings{
			Set:             map[string]string{"X-New": "new", "Content-Type": "text/plain", "Retry-After": "1000", "x-frame-options": "DENY"},
			SecurityHeaders: true,
		},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		res := get(t, client, f.url)
		wantFault(t, res, http.StatusServiceUnavailable, "no instance available")
		for name, want := range map[string]string{
			"X-New": "new", "Content-Type": "application/json", "Retry-After": "5", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		} {
			if got := res.Header.Values(name); len(got) != 1 || got[0] != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}
