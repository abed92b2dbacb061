package proxy_test

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// ejected reports whether the first instance is ejected.
func (f *front) ejected() bool {
	return !f.registry.Snapshot().Instances[0].EjectedUntil.IsZero()
}

// occupyOthers puts n requests in flight on the instances other than l's, until
// the test ends.
func occupyOthers(t *testing.T, l registry.Lease, n int) {
	t.Helper()
	for range n {
		lease, err := l.Another(registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(lease.Release)
	}
}

// trustLoopback returns the options of a proxy that believes its clients what address
// they have.
func trustLoopback() (o proxy.Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	return o
}

// newRequestFrom returns a request of a client with a number.
func newRequestFrom(t *testing.T, client int, method, url string) *http.Request {
	t.Helper()
	r := newRequest(t, method, url, nil)
	r.Header.Set("X-Forwarded-For", "203.0.113.99, 192.0.2."+strconv.Itoa(client))
	return r
}

// TestEjection checks which failures, of several clients, eject an instance.
func TestEjection(t *testing.T) {
	t.Parallel()
	hangUp := func(c *proxytest.Peer) { _ = c.Head() }
	answer := func(text string) func(c *proxytest.Peer) {
		return func(c *proxytest.Peer) {
			for c.Head() != nil {
				c.Send(text)
			}
		}
	}
	for _, c := range []struct {
		name    string
		talk    func(c *proxytest.Peer)
		method  string
		code    int
		ejected bool
	}{
		{"hangs up", hangUp, "GET", 502, true},
		{"hangs up on a POST", hangUp, "POST", 502, true},
		{"hangs up on a method that Bun does not know", hangUp, "FOO", 502, false},
		{"nonsense", func(c *proxytest.Peer) { _ = c.Head(); c.Send("nonsense\n\n") }, "GET", 502, true},
		{"half a header", func(c *proxytest.Peer) { _ = c.Head(); c.Send("HTTP/1.1 200 OK\nX: ") }, "GET", 502, true},
		{"503", answer("HTTP/1.1 503 No\nContent-Length: 0\n\n"), "GET", 503, true},
		{"500", answer("HTTP/1.1 500 No\nContent-Length: 0\n\n"), "GET", 500, false},
		{"404", answer("HTTP/1.1 404 No\nContent-Length: 0\n\n"), "GET", 404, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, c.talk), server(t, echo)}, options: trustLoopback()})
			client := newClient(t, "http1")
			first, err := f.registry.Acquire(t.Context(), registry.Preference{})
			if err != nil {
				t.Fatal(err)
			}
			occupyOthers(t, first, 100) // so that it is the least loaded, whatever it does
			first.Release()
			for i := range 5 {
				res := do(t, client, newRequestFrom(t, i, c.method, f.url+"/"+strconv.Itoa(i)))
				readAll(t, res)
				if res.StatusCode != c.code {
					t.Errorf("status %d, want %d", res.StatusCode, c.code)
				}
			}
			if f.ejected() != c.ejected {
				t.Errorf("ejected: %v, want %v", f.ejected(), c.ejected)
			}
			if res := get(t, client, f.url); c.ejected && res.StatusCode != http.StatusOK {
				t.Errorf("then: status %d", res.StatusCode)
			}
		})
	}
}

// TestEjectionIsNotForDeclinedRequests checks that a client whose requests the app declines
// by closing the connection does not eject an instance, while another client is served
// and before that.
func TestEjectionIsNotForDeclinedRequests(t *testing.T) {
	t.Parallel()
	declines := func(c *proxytest.Peer) {
		for head := c.Head(); head != nil; head = c.Head() {
			if text := strings.Join(head, "\n"); strings.Contains(text, "Upgrade:") || strings.Contains(text, "Cookie:") {
				return
			}
			c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		}
	}
	for name, change := range map[string]func(http.Header){
		"an upgrade":    func(h http.Header) { h["Connection"], h["Upgrade"] = []string{"Upgrade"}, []string{"websocket"} },
		"a long cookie": func(h http.Header) { h.Set("Cookie", strings.Repeat("a", 5000)) },
		"like others":   func(h http.Header) { h.Set("Cookie", "a") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, declines), proxytest.Script(t, declines)}, options: trustLoopback()})
			client := newClient(t, "http1")
			send := func(from int, change func(http.Header), code int) {
				r := newRequestFrom(t, from, http.MethodPost, f.url)
				change(r.Header)
				res := do(t, client, r)
				readAll(t, res)
				if res.StatusCode != code {
					t.Errorf("status %d, want %d", res.StatusCode, code)
				}
				for _, in := range f.registry.Snapshot().Instances {
					if !in.EjectedUntil.IsZero() {
						t.Fatal("an instance was ejected")
					}
				}
			}
			for range 8 {
				send(1, change, http.StatusBadGateway)
			}
			for range 3 {
				send(2, func(http.Header) {}, http.StatusOK)
				for range 8 {
					send(1, change, http.StatusBadGateway)
				}
			}
		})
	}
}

// TestEjectionWithOneClient checks that the failures of the only client eject an instance
// when its request succeeds on another one.
func TestEjectionWithOneClient(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) { _ = c.Head() }), server(t, echo)}})
	client := newClient(t, "http1")
	first, err := f.registry.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	var others []registry.Lease
	for range 100 {
		other, err := first.Another(registry.Preference{})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, other)
	}
	first.Release()
	for range 5 {
		if res := do(t, client, newRequest(t, http.MethodPost, f.url, nil)); res.StatusCode != http.StatusBadGateway {
			t.Errorf("status %d", res.StatusCode)
		}
	}
	if f.ejected() {
		t.Error("ejected before another instance was tried")
	}
	for _, other := range others {
		other.Release()
	}
	if res := do(t, client, newRequest(t, http.MethodPost, f.url, nil)); res.StatusCode != http.StatusOK {
		t.Errorf("on the other instance: status %d", res.StatusCode)
	}
	if !f.ejected() {
		t.Error("not ejected")
	}
}

// TestEjectionIsNotForClients checks that clients that leave or send malformed
// requests do not eject an instance.
func TestEjectionIsNotForClients(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	arrived := make(chan struct{}, 8)
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		if c.Head() != nil {
			arrived <- struct{}{}
			c.WaitClosed()
		}
	}), server(t, echo)}})
	for range 10 {
		for _, request := range []struct {
			send, then string
			code       int
		}{
			{"GET / HTTP/1.1\nHost: a\n\n", "", 499},
			{"POST / HTTP/1.1\nHost: a\nContent-Length: 9\n\nhalf", "", 499},
			{"POST / HTTP/1.1\nHost: a\nTransfer-Encoding: chunked\n\n1\nA\n", "nonsense", 400},
		} {
			c := proxytest.Dial(t, f.address)
			c.Send(request.send)
			wait(t, arrived, "request")
			c.Send(request.then)
			if request.then != "" {
				c.Rest()
			}
			c.Reset()
			f.recorded(t, request.code)
		}
	}
	if f.ejected() {
		t.Error("ejected")
	}
	f.idle(t)
}
