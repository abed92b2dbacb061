package proxy_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// connectionLimit returns options for at most n connections. No client is given up by
// time, so that only what a test is about makes room.
func connectionLimit(n int) proxy.Options {
	return proxy.Options{Settings: proxy.Settings{
		MaxConnections: n, HeadTimeout: time.Hour, BodyTimeout: time.Hour, IdleTimeout: time.Hour,
	}}
}

// serves makes a request on c, and reports whether there is a response by d.
func serves(c *proxytest.Peer, d time.Duration) bool {
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	return answers(c, d)
}

// answers reports whether there is a response by d.
func answers(c *proxytest.Peer, d time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(d))
	_, err := c.R.Peek(1)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if err != nil {
		return false
	}
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusOK
}

// soon is how long a test looks whether what must not happen does.
const soon = 100 * time.Millisecond

// half is a request without its end: a connection that has sent it is not idle.
const half = "GET / HTTP/1.1\nHost: a\n"

// TestMaxConnections checks that a connection beyond the limit is accepted when
// another one is closed, by either side and for any reason. A busy connection goes on,
// and ends with its response.
func TestMaxConnections(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	for name, end := range map[string]func(c *proxytest.Peer){
		"closed":   func(c *proxytest.Peer) { _ = c.Close() },
		"refused":  func(c *proxytest.Peer) { c.Send("nonsense\n\n"); c.Rest(); _ = c.Close() },
		"last":     func(c *proxytest.Peer) { c.Send("Connection: close\n\n"); c.Rest() },
		"answered": func(c *proxytest.Peer) { c.Send("\n"); c.Rest(); _ = c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(2)})
			one, two := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
			if !serves(one, patience) || !serves(two, patience) {
				t.Fatal("no response within the limit")
			}
			one.Send(half)
			two.Send(half)
			three := proxytest.Dial(t, f.address)
			if serves(three, soon) {
				t.Error("a response beyond the limit")
			}
			end(one)
			if !answers(three, patience) {
				t.Error("no response though one was closed")
			}
			three.Send(half)
			four := proxytest.Dial(t, f.address)
			if serves(four, soon) {
				t.Error("then, a response beyond the limit")
			}
			_ = two.Close()
			if !answers(four, patience) {
				t.Error("then, no response though one was closed")
			}
		})
	}
}

// TestMaxConnectionsTunnel checks that a tunnel counts as a connection until it ends.
func TestMaxConnectionsTunnel(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	f := newProxy(t, setup{instances: []string{newHarbour(t).address}, options: connectionLimit(1)})
	ws := dialWebSocket(t, f)
	c := proxytest.Dial(t, f.address)
	c.Send("GET /sse HTTP/1.1\nHost: a\n\n")
	_ = c.SetReadDeadline(time.Now().Add(soon))
	if _, err := c.R.Peek(1); err == nil {
		t.Error("a response though there is a tunnel")
	}
	_ = ws.CloseNow()
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if head := c.Head(); len(head) == 0 || head[0] != "HTTP/1.1 200 OK" {
		t.Errorf("when it had ended: %q", head)
	}
	c.Reset()
}

// TestMaxConnectionsStreams checks that a connection of HTTP/2 counts once, however
// many streams it has.
func TestMaxConnectionsStreams(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	f := newProxy(t, setup{instances: []string{h.address}, options: connectionLimit(1)})
	client := newClient(t, "http2")
	var streams sync.WaitGroup
	for range 10 {
		streams.Go(func() { readAll(t, get(t, client, f.url)) })
	}
	for range 10 {
		wait(t, h.arrived, "request")
	}
	close(h.release)
	streams.Wait()
	client.CloseIdleConnections()
	if !serves(proxytest.Dial(t, f.address), patience) {
		t.Error("it still counts when it is closed")
	}
}

// TestMaxStreams checks that requests of HTTP/2 take the places that connections leave
// free, the first of each connection aside.
func TestMaxStreams(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	f := newProxy(t, setup{instances: []string{h.address}, options: proxy.Options{Settings: proxy.Settings{MaxStreams: 3}}})
	client := newClient(t, "http2")
	codes := make(chan int, 5)
	request := func() {
		r := get(t, client, f.url)
		codes <- r.StatusCode
		readAll(t, r)
	}
	var streams sync.WaitGroup
	for range 3 { // the first, and two beside one connection
		streams.Go(request)
		wait(t, h.arrived, "request")
	}
	request()
	if code := wait(t, codes, "response"); code != 503 {
		t.Errorf("a request beyond the limit got %d, want 503", code)
	}
	other := newClient(t, "http2")
	streams.Go(func() { readAll(t, get(t, other, f.url)) })
	wait(t, h.arrived, "request of another connection")
	close(h.release)
	streams.Wait()
	for range 3 {
		if code := wait(t, codes, "response"); code != 200 {
			t.Errorf("a request within the limit got %d, want 200", code)
		}
	}
	request()
	if code := wait(t, codes, "response"); code != 200 {
		t.Errorf("a request after the others got %d, want 200", code)
	}
}

// TestMaxConnectionsShutdown checks that clients that wait for room do not delay
// Shutdown, even if the other connections stay open.
func TestMaxConnectionsShutdown(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	f := newProxy(t, setup{instances: []string{newHarbour(t).address}, options: connectionLimit(1)})
	dialWebSocket(t, f)
	if serves(proxytest.Dial(t, f.address), soon) {
		t.Error("a response beyond the limit")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	down := make(chan error, 1)
	go func() { down <- f.proxy.Shutdown(ctx) }()
	if err := wait(t, down, "Shutdown"); err == nil || !strings.Contains(err.Error(), "1 cut off") {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestIdleUpstreamsMakeRoom checks that idle connections to one instance are closed
// when connections to another one are made, so that there are not more connections
// than clients.
func TestIdleUpstreamsMakeRoom(t *testing.T) {
	t.Parallel()
	const clients = 4
	var open atomic.Int64
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	counted := func() string {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			arrived <- struct{}{}
			select {
			case <-release:
			case <-r.Context().Done():
			}
		}))
		s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				open.Add(1)
			case http.StateClosed:
				open.Add(-1)
			default:
			}
		}
		s.Start()
		t.Cleanup(s.Close)
		return s.Listener.Addr().String()
	}
	f := newProxy(t, setup{instances: []string{counted()}, options: connectionLimit(clients)})
	var conns []*proxytest.Peer
	for range clients {
		conns = append(conns, proxytest.Dial(t, f.address))
	}
	for round := range 3 {
		for _, c := range conns {
			c.Send("GET / HTTP/1.1\nHost: a\n\n")
			wait(t, arrived, "request")
		}
		for deadline := time.Now().Add(policy.StaleAfter / 2); open.Load() > clients; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("round %d: %d connections for %d clients", round, open.Load(), clients)
				break
			}
		}
		for range conns { // in which order they wait is not known
			select {
			case release <- struct{}{}:
			case <-time.After(patience):
				t.Fatal("no request waits")
			}
		}
		for _, c := range conns {
			if !answers(c, patience) {
				t.Fatal("no response")
			}
		}
		addInstance(t, f.registry, counted())
	}
}
