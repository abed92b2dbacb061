package proxy_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
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
			res := do(t, client, r)
			readAll(t, res)
			o := f.recorded(t, 200)
			if o.http2 != (res.ProtoMajor == 2) {
				t.Errorf("%s is recorded as HTTP/2: %t", res.Proto, o.http2)
			}
			if got := o.request; got != want+" /a?b=c a.example http://b/ "+strings.Repeat("x", 1024)+` "" ` {
				t.Errorf("forwarded for %q: %s", forwarded, got)
			}
		}
	})
}

// TestDescribeOfNoApp: requests that are for no app, and those for the status path, are
// described too, if the settings ask for it; else the latter are not recorded.
func TestDescribeOfNoApp(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: proxy.Options{
		Settings: proxy.Settings{Describe: true},
		Status: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Get("app") == "none" {
				w.WriteHeader(http.StatusNotFound)
			}
			_, _ = w.Write([]byte("status"))
		}),
		Router: route.NewTable([]route.Rule{{App: newEchoApp(t, "web"), Hosts: []string{"web.test"}}}),
	}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, c := range []struct {
			method, host, path string
			code               int
			status             bool
		}{
			{"GET", "other.test", "/a?b", 421, false},
			{"HEAD", "other.test", "/a?b", 421, false},
			{"TRACE", "web.test", "/a?b", 405, false},
			{"GET", "other.test", "/lb-status", 200, true},
			{"HEAD", "web.test", "/lb-status", 200, true},
			{"GET", "web.test", "/lb-status?app=none", 404, true},
			{"POST", "web.test", "/lb-status", 405, true},
		} {
			r := newRequest(t, c.method, f.url+c.path, nil)
			r.Host = c.host
			r.Header.Set("User-Agent", "agent")
			res := do(t, client, r)
			size := len(readAll(t, res))
			o := f.recorded(t, c.code)
			if want := "127.0.0.1 " + c.path + " " + c.host + `  agent "" `; o.request != want || o.status != c.status || o.app != "" || o.out != int64(size) || o.http2 != (res.ProtoMajor == 2) {
				t.Errorf("%s %s%s over %s: recorded %+v, want %s, %d bytes", c.method, c.host, c.path, res.Proto, o, want, size)
			}
		}
		f.proxy.Configure(proxy.Settings{})
		for _, path := range []string{"/lb-status", "/a"} {
			r := newRequest(t, http.MethodGet, f.url+path, nil)
			r.Host = "other.test"
			readAll(t, do(t, client, r))
		}
		if o := f.recorded(t, 421); o.request != "" {
			t.Errorf("described as %s", o.request)
		}
		f.proxy.Configure(proxy.Settings{Describe: true})
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
