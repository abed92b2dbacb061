package proxy_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

func TestForwardHeader(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		r := newRequest(t, http.MethodGet, f.url+"/x", nil)
		r.Host = "app.example:8443"
		r.Header = http.Header{
			"User-Agent":   nil,
			"X-Custom":     {"a", "b"},
			"Cookie":       {"k=v"},
			"X-Underscore": {"1"},
		}
		if r.Header["User-Agent"] == nil {
			r.Header.Set("User-Agent", "") // net/http sends none
		}
		got := seen(t, do(t, client, r))
		if got.Host != "app.example:8443" || got.Proto != "HTTP/1.1" {
			t.Errorf("host %q, protocol %q", got.Host, got.Proto)
		}
		want := http.Header{
			"X-Custom": {"a", "b"}, "Cookie": {"k=v"}, "X-Underscore": {"1"},
			"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"app.example:8443"}, "X-Forwarded-Proto": {scheme()},
		}
		wantHeader(t, got.Header, want) // no User-Agent, no Accept-Encoding
	})
}

// TestForwardHopByHop checks that hop-by-hop fields are not forwarded in either
// direction, and that a client cannot remove the fields of the proxy.
func TestForwardHopByHop(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Connection", "X-Private")
		h.Set("X-Private", "1")
		h.Set("Keep-Alive", "timeout=5")
		h.Set("Proxy-Authenticate", "Basic")
		h.Set("X-Public", "1")
		echo(w, r)
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nKeep-Alive: 5\nProxy-Connection: x\nProxy-Authorization: x\nTE: gzip\nTrailer: X\n" +
		"X-A: 1\nX-B: 1\nUpgrade: websocket\nContent-Length: 1\nConnection: close, X-A, content-length, host\n" +
		"Connection: x-forwarded-for, x-forwarded-host, x-forwarded-proto, x-real-ip\n\nZ")
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := seen(t, res)
	wantHeader(t, got.Header, http.Header{
		"X-B": {"1"}, "Content-Length": {"1"},
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"a"}, "X-Forwarded-Proto": {scheme()},
	})
	if got.Host != "a" || got.Body != "Z" {
		t.Errorf("host %q, body %q", got.Host, got.Body)
	}
	for _, name := range []string{"X-Private", "Keep-Alive", "Proxy-Authenticate"} {
		if res.Header.Get(name) != "" {
			t.Errorf("%s reached the client", name)
		}
	}
	if res.Header.Get("X-Public") != "1" {
		t.Error("X-Public did not reach the client")
	}
}

func TestForwardedFields(t *testing.T) {
	t.Parallel()
	spoofed := http.Header{
		"X-Forwarded-For": {"1.1.1.1", "2.2.2.2"}, "X-Forwarded-Host": {"evil"}, "X-Forwarded-Proto": {"https"},
		"Forwarded": {"for=1.1.1.1, for=2.2.2.2"}, "X-Real-Ip": {"1.1.1.1"},
	}
	ours := http.Header{
		"X-Forwarded-For": {"127.0.0.1"}, "X-Forwarded-Host": {"a"}, "X-Forwarded-Proto": {scheme()},
	}
	for _, c := range []struct {
		name    string
		trusted []netip.Prefix
		send    http.Header
		want    http.Header
	}{
		{"spoofed", nil, spoofed, ours},
		{"spoofed, another peer is trusted", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, spoofed, ours},
		{"trusted, nothing sent", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, nil, ours},
		{"trusted", []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, spoofed, http.Header{
			"X-Forwarded-For": {"1.1.1.1, 2.2.2.2, 127.0.0.1"}, "X-Forwarded-Host": {"evil"},
			"X-Forwarded-Proto": {"https"}, "Forwarded": {"for=1.1.1.1, for=2.2.2.2"}, "X-Real-Ip": {"1.1.1.1"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{
				instances: []string{server(t, echo)},
				options:   proxy.Options{Settings: proxy.Settings{TrustedProxies: c.trusted}},
			})
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				r := newRequest(t, http.MethodGet, f.url, nil)
				r.Host = "a"
				r.Header = c.send.Clone()
				if r.Header == nil {
					r.Header = http.Header{}
				}
				r.Header.Set("User-Agent", "")
				wantHeader(t, seen(t, do(t, client, r)).Header, c.want)
			})
		})
	}
}
