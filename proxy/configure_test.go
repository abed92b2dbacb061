package proxy_test

import (
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// status makes a request on c, and returns the status of the response; 0 when
// there is none.
func status(t *testing.T, c *proxytest.Peer, request string) int {
	t.Helper()
	c.Send(request)
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		return 0
	}
	readAll(t, res)
	return res.StatusCode
}

const plain = "GET / HTTP/1.1\nHost: a\n\n"

// TestConfigureRequestTimeout checks that a new RequestTimeout holds for the requests
// that begin afterwards, on open connections too, and not for the requests in flight.
func TestConfigureRequestTimeout(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	f := newProxy(t, setup{instances: []string{h.address}})
	warm := proxytest.Dial(t, f.address)
	early := make(chan int, 1)
	go func() { early <- status(t, warm, plain) }()
	wait(t, h.arrived, "request")
	h.release <- struct{}{}
	wait(t, early, "response") // the connection to the instance is idle now
	under := proxytest.Dial(t, f.address)
	go func() { early <- status(t, under, plain) }()
	wait(t, h.arrived, "request")

	f.app.Configure(route.Settings{RequestTimeout: soon})
	if got := status(t, warm, plain); got != http.StatusGatewayTimeout {
		t.Errorf("HTTP/1: %d", got)
	}
	client := newClient(t, "http2")
	if res := get(t, client, f.url); res.StatusCode != http.StatusGatewayTimeout {
		t.Errorf("HTTP/2: %d", res.StatusCode)
	}
	client.CloseIdleConnections()
	f.app.Configure(route.Settings{RequestTimeout: patience})
	go func() { early <- status(t, warm, plain) }()
	select {
	case got := <-early:
		t.Errorf("with the longer one again, or from before: %d", got)
	case <-time.After(2 * soon):
	}
	close(h.release)
	for range 2 {
		if got := wait(t, early, "response"); got != http.StatusOK {
			t.Errorf("got %d", got)
		}
	}
	f.idle(t)
}

func TestConfigureTrustedProxies(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, trusted := range []bool{false, true, false} {
			s := proxy.Settings{}
			if trusted {
				s.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
			}
			f.proxy.Configure(s)
			r := newRequest(t, http.MethodGet, f.url, nil)
			r.Header.Set("X-Forwarded-For", "203.0.113.1")
			got := seen(t, do(t, client, r)).Header.Get("X-Forwarded-For")
			if want := map[bool]string{false: "127.0.0.1", true: "203.0.113.1, 127.0.0.1"}[trusted]; got != want {
				t.Errorf("trusted %v: %q, want %q", trusted, got, want)
			}
		}
	})
}

// TestConfigureLimits checks that an open connection has the new limits from its next
// request on, larger and smaller ones.
func TestConfigureLimits(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/large" {
			w.Header().Set("X", strings.Repeat("x", 2000))
		}
	})}})
	small := proxy.Settings{Limits: http1.Limits{Line: 100, Head: 1000}}
	large := proxy.Settings{Limits: http1.Limits{Line: 200 << 10, Field: 200 << 10, Head: 400 << 10}}
	long := "GET /" + strings.Repeat("a", 50<<10) + " HTTP/1.1\nHost: a\n\n"
	c := proxytest.Dial(t, f.address)
	if got := status(t, c, "GET /large HTTP/1.1\nHost: a\n\n"); got != 200 {
		t.Errorf("before: %d", got)
	}
	f.proxy.Configure(large)
	if got := status(t, c, long); got != 200 {
		t.Errorf("with larger limits: %d", got)
	}
	f.proxy.Configure(small)
	if got := status(t, c, "GET /large HTTP/1.1\nHost: a\n\n"); got != 200 {
		t.Errorf("a response beyond the limits of clients: %d", got)
	}
	if got := status(t, c, long); got != 414 {
		t.Errorf("a request beyond smaller limits: %d", got)
	}
	client := newClient(t, "http2")
	if res := get(t, client, f.url+"/"+strings.Repeat("a", 200)); res.StatusCode != 414 {
		t.Errorf("with HTTP/2: %d", res.StatusCode)
	}
	f.proxy.Configure(large)
	if res := get(t, client, f.url+"/"+strings.Repeat("a", 50<<10)); res.StatusCode != 200 {
		t.Errorf("with HTTP/2, larger limits: %d", res.StatusCode)
	}
	client.CloseIdleConnections()
}

// TestConfigureTimes checks that the times of a client change on an open connection.
func TestConfigureTimes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		settings proxy.Settings
		send     string
		want     int // 0: closed
	}{
		{"head", proxy.Settings{HeadTimeout: soon}, "GET / HTTP/1.1\nHo", 408},
		{"body", proxy.Settings{BodyTimeout: soon}, "POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\nhalf", 408},
		{"idle", proxy.Settings{IdleTimeout: soon}, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{server(t, echo)}})
			conn := proxytest.Dial(t, f.address)
			if got := status(t, conn, plain); got != 200 {
				t.Fatalf("got %d", got)
			}
			f.proxy.Configure(c.settings)
			if c.name == "idle" { // it counts from the next response on
				if got := status(t, conn, plain); got != 200 {
					t.Fatalf("got %d", got)
				}
			}
			began := time.Now()
			conn.Send(c.send)
			res, err := http.ReadResponse(conn.R, nil)
			switch {
			case c.want == 0 && err == nil:
				t.Errorf("got %d", res.StatusCode)
			case c.want != 0 && (err != nil || res.StatusCode != c.want):
				t.Errorf("got %v, %v", res, err)
			}
			if took := time.Since(began); took > 5*time.Second { // the least of the times before is 10 s
				t.Errorf("after %v", took)
			}
		})
	}
}

// TestConfigureStream checks that a stream of HTTP/2 has the new time for its content.
func TestConfigureStream(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	client := newClient(t, "http2")
	readAll(t, get(t, client, f.url))
	f.proxy.Configure(proxy.Settings{BodyTimeout: soon})
	body, more := io.Pipe()
	defer func() { _ = more.Close() }()
	if res := do(t, client, newRequest(t, http.MethodPost, f.url, body)); res.StatusCode != 408 {
		t.Errorf("got %d", res.StatusCode)
	}
	client.CloseIdleConnections()
}

// TestConfigureMaxConnections checks that a client that waits for room gets it when
// the limit is raised, and that no connection is closed when it is lowered.
func TestConfigureMaxConnections(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(1)})
	one := proxytest.Dial(t, f.address)
	if !serves(one, patience) {
		t.Fatal("no response within the limit")
	}
	one.Send(half)
	two := proxytest.Dial(t, f.address)
	if serves(two, soon) {
		t.Fatal("the limit is not 1")
	}
	f.proxy.Configure(proxy.Settings{MaxConnections: 2})
	if !answers(two, patience) {
		t.Error("no response with room for two")
	}
	f.proxy.Configure(proxy.Settings{MaxConnections: 1})
	one.Send("\n")
	if !answers(one, patience) || !serves(two, patience) {
		t.Error("one of those inside was thrown out")
	}
	two.Send(half)
	_ = one.Close()
	three := proxytest.Dial(t, f.address)
	if serves(three, soon) {
		t.Error("a response beyond the new limit")
	}
	f.proxy.Configure(proxy.Settings{})
	if !answers(three, patience) {
		t.Error("no response without a limit")
	}
}
