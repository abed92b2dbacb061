package proxy_test

import (
	"net/http"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
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

// TestEjection checks which failures eject an instance.
func TestEjection(t *testing.T) {
	t.Parallel()
	hangUp := func(c *rawConn) { _ = c.head() }
	answer := func(text string) func(c *rawConn) {
		return func(c *rawConn) {
			for c.head() != nil {
				c.send(text)
			}
		}
	}
	for _, c := range []struct {
		name    string
		talk    func(c *rawConn)
		method  string
		code    int
		ejected bool
	}{
		{"hangs up", hangUp, "GET", 502, true},
		{"hangs up on a POST", hangUp, "POST", 502, true},
		{"hangs up on a method that Bun does not know", hangUp, "FOO", 502, false},
		{"nonsense", func(c *rawConn) { _ = c.head(); c.send("nonsense\n\n") }, "GET", 502, true},
		{"half a header", func(c *rawConn) { _ = c.head(); c.send("HTTP/1.1 200 OK\nX: ") }, "GET", 502, true},
		{"503", answer("HTTP/1.1 503 No\nContent-Length: 0\n\n"), "GET", 503, true},
		{"500", answer("HTTP/1.1 500 No\nContent-Length: 0\n\n"), "GET", 500, false},
		{"404", answer("HTTP/1.1 404 No\nContent-Length: 0\n\n"), "GET", 404, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{script(t, c.talk), server(t, echo)}})
			client := newClient(t, "http1")
			first, err := f.registry.Acquire(t.Context(), registry.Preference{})
			if err != nil {
				t.Fatal(err)
			}
			occupyOthers(t, first, 100) // so that it is the least loaded, whatever it does
			first.Release()
			for range 5 {
				res := do(t, client, newRequest(t, c.method, f.url, nil))
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

// TestEjectionIsNotForClients checks that clients that leave or send malformed
// requests do not eject an instance.
func TestEjectionIsNotForClients(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 8)
	f := newProxy(t, setup{instances: []string{script(t, func(c *rawConn) {
		if c.head() != nil {
			arrived <- struct{}{}
			c.waitClosed()
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
			c := dial(t, f.address)
			c.send(request.send)
			wait(t, arrived, "request")
			c.send(request.then)
			if request.then != "" {
				c.rest()
			}
			c.reset()
			f.recorded(t, request.code)
		}
	}
	if f.ejected() {
		t.Error("ejected")
	}
	f.idle(t)
}
