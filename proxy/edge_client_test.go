package proxy_test

import (
	"maps"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// TestUnknownClient: a client that a trusted proxy names in another form than by an address
// does not pass where networks decide who may: the address of the proxy does not count in
// its place. Without such rules it passes.
func TestUnknownClient(t *testing.T) {
	t.Parallel()
	const proxies = "127.0.0.0/8"
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{
		Settings: proxy.Settings{TrustedProxies: networks(proxies)},
	}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct {
			name, value string
			known       bool
		}{
			{"X-Forwarded-For", "unknown", false},
			{"X-Forwarded-For", "192.0.2.1,", false},
			{"X-Forwarded-For", "192.0.2.1, 192.0.2.300", false},
			{"X-Forwarded-For", "_hidden, 127.0.0.2", false},
			{"X-Forwarded-For", "unknown, 192.0.2.1", true}, // the client has written what is before its address
			{"X-Forwarded-For", "[2001:db8::1]:4711", true},
			{"Forwarded", "for=unknown", false},
			{"Forwarded", "for=_hidden;proto=http", false},
			{"Forwarded", "for=", false},
			{"Forwarded", "proto=http", false},
			{"Forwarded", "for=192.0.2.1", true},
			{"X-Other", "unknown", true}, // the peer is the client
		} {
			all := append(networks("0.0.0.0/0"), netip.MustParsePrefix("::/0"))
			for _, s := range []edge.Settings{{}, {Allow: all}, {Allow: networks(proxies, "192.0.2.0/24", "2001:db8::/32")}, {Deny: networks("198.51.100.0/24")}} {
				f.app.Configure(route.Settings{RequestTimeout: patience, Edge: edge.New(s)})
				r := newRequest(t, http.MethodGet, f.url, nil)
				r.Header.Set(c.name, c.value)
				res := do(t, client, r)
				body := readAll(t, res)
				want := http.StatusOK
				if !c.known && len(s.Allow)+len(s.Deny) > 0 {
					want = http.StatusForbidden
				}
				if res.StatusCode != want || want == http.StatusForbidden && !strings.Contains(body, "does not name its client") {
					t.Errorf("%s: %q, allow %v, deny %v: %d %s", c.name, c.value, s.Allow, s.Deny, res.StatusCode, body)
				}
			}
		}
	})
}

// TestForwardedForBeatsForwarded: if a trusted proxy sends both, X-Forwarded-For says which
// client a request is from.
func TestForwardedForBeatsForwarded(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, echo)}, edge: edge.Settings{Allow: networks("192.0.2.0/24")},
		options: proxy.Options{Settings: proxy.Settings{TrustedProxies: networks("127.0.0.1/32")}},
	})
	for text, want := range map[string]string{
		"X-Forwarded-For: 192.0.2.1\nForwarded: for=198.51.100.1\n": "HTTP/1.1 200 OK",
		"Forwarded: for=192.0.2.1\nX-Forwarded-For: 198.51.100.1\n": "HTTP/1.1 403 Forbidden",
		"Forwarded: for=192.0.2.1\nX-Forwarded-For: unknown\n":      "HTTP/1.1 403 Forbidden",
	} {
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.1\nHost: a\nConnection: close\n" + text + "\n")
		if got := c.FirstLine(); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestNotModifiedVaries: a 304 names Accept-Encoding in Vary where the 200 would.
func TestNotModifiedVaries(t *testing.T) {
	t.Parallel()
	instance := func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), r.URL.Query())
		w.Header().Set("ETag", `"v1"`)
		w.WriteHeader(http.StatusNotModified)
	}
	f := newProxy(t, setup{instances: []string{server(t, instance)}, edge: edge.Settings{Compress: true}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for query, want := range map[string]string{
			"":                           "Accept-Encoding",
			"Content-Type=text/html":     "Accept-Encoding",
			"Cache-Control=no-transform": "",
			"Vary=accept-encoding":       "accept-encoding",
			"Vary=Origin":                "Origin, Accept-Encoding",
			"Content-Encoding=gzip":      "",
		} {
			for _, coding := range []string{"gzip", "identity"} {
				r := newRequest(t, http.MethodGet, f.url+"/?"+query, nil)
				r.Header.Set("Accept-Encoding", coding)
				r.Header.Set("If-None-Match", `W/"v1"`)
				res := do(t, client, r)
				readAll(t, res)
				if got := strings.Join(res.Header.Values("Vary"), ", "); res.StatusCode != http.StatusNotModified || got != want {
					t.Errorf("%q, %s: %d, Vary %q, want %q", query, coding, res.StatusCode, got, want)
				}
			}
		}
	})
}
