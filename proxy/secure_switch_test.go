package proxy_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
)

// TestSecureSwitch checks that clients that connect after a change of Settings.Plain speak
// what it says, that open connections go on as they began, and that instances learn which
// it is.
func TestSecureSwitch(t *testing.T) {
	t.Parallel()
	plainOnly(t)
	f := newProxy(t, setup{tls: true, instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.Header.Get("X-Forwarded-Proto")))
	})}})
	secure, plain := f.url, "http"+strings.TrimPrefix(f.url, "https")
	want := func(client *http.Client, url, content string) {
		t.Helper()
		res := get(t, client, url)
		if got := readAll(t, res); res.StatusCode != http.StatusOK || got != content {
			t.Errorf("%s: %d %q, want %q", url, res.StatusCode, got, content)
		}
	}
	for _, protocol := range []string{"http1", "http2"} {
		first, second := newClient(t, protocol), newClient(t, protocol)
		f.proxy.Configure(proxy.Settings{})
		want(first, secure, "https")
		f.proxy.Configure(proxy.Settings{Plain: true})
		want(first, secure, "https") // on its connection
		want(second, plain, "http")
		if _, err := newClient(t, "http1").Do(newRequest(t, http.MethodGet, secure, nil)); err == nil {
			t.Error("a new client speaks TLS")
		}
		f.proxy.Configure(proxy.Settings{})
		want(second, plain, "http") // on its connection
		want(newClient(t, "http1"), secure, "https")
		if res := get(t, newClient(t, "http1"), plain); res.StatusCode != http.StatusBadRequest {
			t.Errorf("a new client without TLS got %d", res.StatusCode)
		}
		first.CloseIdleConnections()
		second.CloseIdleConnections()
	}
}
