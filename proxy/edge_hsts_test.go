package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/edge"
)

// TestHSTS: responses ask browsers to use HTTPS only, unless the instance has its own
// words for that. dynlb's own answers do so too.
func TestHSTS(t *testing.T) {
	t.Parallel()
	const field, own = "Strict-Transport-Security", "max-age=1; preload"
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/own" {
				w.Header().Set(field, own)
			}
			_, _ = io.WriteString(w, "ok")
		})},
		edge: edge.Settings{HSTS: 36 * time.Hour},
	})
	none := newProxy(t, setup{queue: registry.Options{QueueLimit: 1, QueueTimeout: soon}, edge: edge.Settings{HSTS: 36 * time.Hour}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for url, want := range map[string]string{f.url: "max-age=129600", f.url + "/own": own, none.url: "max-age=129600"} {
			res := get(t, client, url)
			readAll(t, res)
			if got := res.Header.Values(field); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: %q, want %q", url, got, want)
			}
		}
	})
}
