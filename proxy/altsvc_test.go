package proxy_test

import (
	"io"
	"net/http"
	"slices"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// TestAltSvc checks that responses over TLS tell of HTTP/3 when the settings say so, in both
// versions of HTTP, and that an instance's own field stays.
func TestAltSvc(t *testing.T) {
	t.Parallel()
	const offer = `h3=":443"; ma=86400`
	f := newProxy(t, setup{tls: true, options: proxy.Options{Settings: settings.Settings{AltSvc: offer}}, instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("alt-svc", "clear")
		}
		_, _ = io.WriteString(w, "ok")
	})}})
	for _, protocol := range []string{"http/1.1", "h2"} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: proxytest.ClientTLS(protocol), ForceAttemptHTTP2: protocol == "h2"}}
		t.Cleanup(client.CloseIdleConnections)
		check := func(path string, want ...string) {
			t.Helper()
			res, err := client.Get(f.url + path)
			if err != nil {
				t.Fatal(err)
			}
			_ = readAll(t, res)
			if got := res.Header.Values("Alt-Svc"); res.ProtoMajor == 2 != (protocol == "h2") || !slices.Equal(got, want) {
				t.Errorf("%s: Alt-Svc %q on %s, want %q", protocol, got, path, want)
			}
		}
		check("/", offer)
		check("/own", "clear")
		f.proxy.Configure(settings.Settings{})
		check("/")
		f.proxy.Configure(settings.Settings{AltSvc: offer})
		check("/", offer)
	}
	plainOnly(t)
	plain := newProxy(t, setup{options: proxy.Options{Settings: settings.Settings{AltSvc: offer}}, instances: []string{server(t, echo)}})
	res, err := http.Get(plain.url)
	if err != nil {
		t.Fatal(err)
	}
	if _ = readAll(t, res); res.Header.Get("Alt-Svc") != "" {
		t.Errorf("Alt-Svc %q without TLS", res.Header.Get("Alt-Svc"))
	}
}
