package proxy_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestDescribe: an outcome describes its request if the rules ask for it.
func TestDescribe(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	f := newProxy(t, setup{
		instances: []string{server(t, echo)},
		options:   proxy.Options{Settings: proxy.Settings{TrustedProxies: trusted}},
		edge:      edge.Settings{Describe: true},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for forwarded, want := range map[string]string{
			"":                                "127.0.0.1",
			"192.0.2.1":                       "192.0.2.1",
			"203.0.113.9, 192.0.2.1,10.1.1.1": "192.0.2.1",
			"10.2.2.2, 10.1.1.1":              "10.2.2.2",
			"::ffff:192.0.2.1":                "192.0.2.1",
			"[2001:db8::1]:4711":              "2001:db8::1",
			"spoofed, 10.1.1.1":               "10.1.1.1",
			"spoofed":                         "127.0.0.1",
		} {
			r := newRequest(t, http.MethodGet, f.url+"/a?b=c", nil)
			r.Host = "a.example"
			r.Header.Set("Referer", "http://b/")
			r.Header.Set("User-Agent", strings.Repeat("x", 2000))
			if forwarded != "" {
				r.Header.Set("X-Forwarded-For", forwarded)
			}
			readAll(t, do(t, client, r))
			if got := f.recorded(t, 200).request; got != want+" /a?b=c a.example http://b/ "+strings.Repeat("x", 1024)+` "" ` {
				t.Errorf("forwarded for %q: %s", forwarded, got)
			}
		}
	})
}

// TestDescribeNothing: without rules, outcomes do not describe their request.
func TestDescribeNothing(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		readAll(t, get(t, client, f.url))
		if got := f.recorded(t, 200).request; got != "" {
			t.Errorf("described as %s", got)
		}
	})
}

// TestDescribePipelined: requests on one connection do not mix their descriptions.
func TestDescribePipelined(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, edge: edge.Settings{Describe: true}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET /1?a HTTP/1.1\nHost: one\nReferer: r\n\nGET /22?bb HTTP/1.1\nHost: two\nConnection: close\n\n")
	c.Rest()
	for _, want := range []string{`127.0.0.1 /1?a one r  "" `, `127.0.0.1 /22?bb two   "" `} {
		if got := f.recorded(t, 200).request; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
