package proxy_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/dynlb/dynlb/proxy"
)

// TestHideStatus checks that the status path is the app's when the status is hidden, also
// on connections that are open already, and the proxy's again later.
func TestHideStatus(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "app") })},
		options: proxy.Options{
			Settings: proxy.Settings{HideStatus: true},
			Status:   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "proxy") }),
		},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, want := range []string{"app", "proxy", "app"} {
			f.proxy.Configure(proxy.Settings{HideStatus: want == "app"})
			for _, path := range []string{"/lb-status", "/lb-status?a"} {
				if got := readAll(t, get(t, client, f.url+path)); got != want {
					t.Errorf("%s answers for %s, want %s", got, path, want)
				}
			}
		}
	})
}
