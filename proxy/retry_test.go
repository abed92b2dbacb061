package proxy_test

import (
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestRetryConnRefused checks that an instance that refuses connections loses no request,
// of any method and with any content, and that it gets no further one.
func TestRetryConnRefused(t *testing.T) {
	t.Parallel()
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		for _, method := range []string{"GET", "POST"} {
			f := newProxy(t, setup{instances: []string{closedAddress(t), closedAddress(t), server(t, echo)}})
			r := newRequest(t, method, f.url, onlyReader{strings.NewReader("precious")})
			r.TransferEncoding = []string{"chunked"}
			if got := seen(t, do(t, client, r)); got.Body != "precious" {
				t.Errorf("%s: instance saw %+v", method, got)
			}
			f.recorded(t, 200)
			f.idle(t)
			snapshot := f.registry.Snapshot()
			if n := snapshot.Count(registry.Unhealthy); n != 2 {
				t.Errorf("%d instances unhealthy, want 2", n)
			}
			readAll(t, get(t, client, f.url))
			if got := f.served(); got[0] != 1 || got[1] != 1 || got[2] != 2 {
				t.Errorf("claims %v", got)
			}
		}
	})
}

// TestRetryWaits checks that a request waits for the next ready instance when all
// instances refuse connections.
func TestRetryWaits(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{closedAddress(t)}})
	changed, stop := f.registry.Watch()
	defer stop()
	go func() {
		for range changed {
			if snapshot := f.registry.Snapshot(); snapshot.Waiting > 0 {
				addInstance(t, f.registry, server(t, echo))
				return
			}
		}
	}()
	seen(t, get(t, newClient(t, "http1"), f.url))
	f.recorded(t, 200)
	f.idle(t)
}

// mortal is an instance of which connections can be closed as an instance that
// dies closes them: after its first response each connection is closed at the
// next request, without a response.
type mortal struct {
	address         string
	conns, requests atomic.Int32
}

func newMortal(t *testing.T, end func(c *proxytest.Peer)) *mortal {
	m := &mortal{}
	m.address = proxytest.Script(t, func(c *proxytest.Peer) {
		m.conns.Add(1)
		if c.Head() == nil {
			return
		}
		m.requests.Add(1)
		c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		if c.Head() == nil {
			return
		}
		m.requests.Add(1)
		end(c)
	})
	return m
}

func hangUp(*proxytest.Peer) {}

// TestRetryReused checks that a request on a connection that breaks before a byte of
// the response is sent once more if that is safe.
func TestRetryReused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, method, body string
		header             http.Header
		end                func(c *proxytest.Peer)
		code               int
		conns, requests    int32
	}{
		{"GET", "GET", "", nil, hangUp, 200, 2, 3},
		{"HEAD", "HEAD", "", nil, hangUp, 200, 2, 3},
		{"DELETE", "DELETE", "", nil, hangUp, 200, 2, 3},
		{"GET with a body", "GET", "x", nil, hangUp, 502, 1, 2},
		{"PUT with a body", "PUT", "x", nil, hangUp, 502, 1, 2},
		{"POST", "POST", "", nil, hangUp, 502, 1, 2},
		{"POST with a body", "POST", "x", nil, hangUp, 502, 1, 2},
		{"POST with a key", "POST", "", http.Header{"Idempotency-Key": {"k"}}, hangUp, 502, 1, 2},
		{"unknown method", "FOO", "", nil, hangUp, 502, 1, 2},
		{"GET, half a head", "GET", "", nil, func(c *proxytest.Peer) { c.Send("HTTP/1.1 200 OK\nX: ") }, 502, 1, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				m := newMortal(t, c.end)
				f := newProxy(t, setup{instances: []string{m.address}})
				readAll(t, get(t, client, f.url))
				f.recorded(t, 200)
				r := newRequest(t, c.method, f.url, nil)
				if c.body != "" {
					r = newRequest(t, c.method, f.url, strings.NewReader(c.body))
				}
				maps.Copy(r.Header, c.header)
				res := do(t, client, r)
				if res.StatusCode != c.code {
					t.Errorf("status %d, want %d", res.StatusCode, c.code)
				}
				readAll(t, res)
				if m.conns.Load() != c.conns || m.requests.Load() != c.requests {
					t.Errorf("%d connections and %d requests, want %d and %d",
						m.conns.Load(), m.requests.Load(), c.conns, c.requests)
				}
				f.recorded(t, c.code)
				f.idle(t)
			})
		})
	}
}

// TestRetryFresh checks that a request is not repeated when a new connection breaks:
// the request itself must be the reason.
func TestRetryFresh(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	f := newProxy(t, setup{instances: []string{
		proxytest.Script(t, func(c *proxytest.Peer) {
			if c.Head() != nil {
				requests.Add(1)
			}
		}),
		server(t, echo),
	}})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		requests.Store(0)
		wantFault(t, get(t, client, f.url), 502, "the instance closed the connection without a response")
		f.recorded(t, 502)
		if n := requests.Load(); n != 1 {
			t.Errorf("sent %d times, want 1", n)
		}
		f.idle(t)
	})
}
