package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

// harbour is an instance whose responses wait for release.
type harbour struct {
	address string
	arrived chan struct{}
	release chan struct{}
}

func newHarbour(t *testing.T) *harbour {
	h := &harbour{arrived: make(chan struct{}, 16), release: make(chan struct{})}
	h.address = server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ws":
			c, err := websocket.Accept(w, r, nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = c.CloseNow() }()
			h.arrived <- struct{}{}
			_, _, _ = c.Read(r.Context())
		case "/sse":
			w.Header().Set("Content-Type", "text/event-stream")
			_ = http.NewResponseController(w).Flush()
			h.arrived <- struct{}{}
			<-r.Context().Done()
		default:
			h.arrived <- struct{}{}
			<-h.release
			_, _ = io.WriteString(w, "done")
		}
	})
	return h
}

// TestShutdownDrains checks that requests in flight get their responses, and that no
// connection is accepted.
func TestShutdownDrains(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	f := newProxy(t, setup{instances: []string{h.address}})
	kept := proxytest.Dial(t, f.address)
	kept.Send("GET / HTTP/1.1\nHost: a\n\n")
	wait(t, h.arrived, "request")
	stream := newClient(t, "http2")
	answers := make(chan string, 1)
	go func() { answers <- readAll(t, get(t, stream, f.url)) }()
	wait(t, h.arrived, "request")

	down := make(chan error, 1)
	go func() { down <- f.proxy.Shutdown(context.Background()) }()
	refused(t, f.address)
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned with requests in flight: %v", err)
	default:
	}
	close(h.release)
	res, err := http.ReadResponse(kept.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); body != "done" || !res.Close {
		t.Errorf("got %q, connection to be closed: %v", body, res.Close)
	}
	if got := wait(t, answers, "HTTP/2 response"); got != "done" {
		t.Errorf("got %q", got)
	}
	if err := wait(t, down, "Shutdown"); err != nil {
		t.Error(err)
	}
	f.idle(t)
}

// refused waits until address refuses connections.
func refused(t *testing.T, address string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("still accepting")
		}
	}
}

// TestShutdownTunnel checks that Shutdown waits for a tunnel like for a request.
func TestShutdownTunnel(t *testing.T) {
	t.Parallel()
	h := newHarbour(t)
	f := newProxy(t, setup{instances: []string{h.address}})
	ws := dialWebSocket(t, f)
	wait(t, h.arrived, "WebSocket")
	down := make(chan error, 1)
	go func() { down <- f.proxy.Shutdown(context.Background()) }()
	refused(t, f.address)
	select {
	case err := <-down:
		t.Fatalf("Shutdown returned with a tunnel open: %v", err)
	case <-time.After(50 * time.Millisecond): // net/http alone would be done by now
	}
	_ = ws.CloseNow()
	if err := wait(t, down, "Shutdown"); err != nil {
		t.Error(err)
	}
	f.idle(t)
}

func dialWebSocket(t *testing.T, f *front) *websocket.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ws, res, err := websocket.Dial(ctx, f.url+"/ws", &websocket.DialOptions{HTTPClient: newClient(t, "http1")})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body
	t.Cleanup(func() { _ = ws.CloseNow() })
	return ws
}

// TestShutdownCuts checks that the requests that are left at the deadline are counted, and
// gone: those that were sent nothing of a response get a 503, others are broken off.
func TestShutdownCuts(t *testing.T) {
	h := newHarbour(t)
	defer close(h.release)
	before := goleak.IgnoreCurrent()
	pool := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: patience})
	addInstance(t, pool, h.address)
	codes := make(chan int, 8)
	p := proxy.New(proxy.Options{
		Engine: engine, Router: route.Single(route.NewApp("default", pool, route.Settings{})),
		Record: func(o *outcome.Outcome) {
			time.Sleep(20 * time.Millisecond) // a request that takes its time to end
			codes <- o.Code
		},
	})
	l := proxytest.Listen(t)
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()

	var conns []*proxytest.Peer
	for _, request := range []string{
		"GET /sse HTTP/1.1\nHost: a\n\n",
		"GET /ws HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n",
		"GET /wait HTTP/1.1\nHost: a\n\n",
		"POST /wait HTTP/1.1\nHost: a\nContent-Length: 10\n\nhalf",
	} {
		c := proxytest.Dial(t, l.Addr().String())
		c.Send(request)
		wait(t, h.arrived, request)
		conns = append(conns, c)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("out of time"))
	err := p.Shutdown(ctx)
	if err == nil || !strings.Contains(err.Error(), "4 cut off") {
		t.Errorf("Shutdown: %v, want 4 cut off", err)
	}
	if err := wait(t, served, "Serve"); err != nil {
		t.Errorf("Serve: %v", err)
	}
	for i, c := range conns {
		text := c.Rest()
		if i >= 2 && !strings.HasPrefix(text, "HTTP/1.1 503 ") { // the others have had a head
			t.Errorf("connection %d got %q", i, text)
		}
		if strings.HasSuffix(text, "0\r\n\r\n") {
			t.Errorf("connection %d ended as if it were whole: %q", i, text)
		}
		_ = c.Close()
	}
	if len(codes) != 4 {
		t.Errorf("%d requests recorded when Shutdown returned, want 4", len(codes))
	}
	if snapshot := pool.Snapshot(); snapshot.Instances[0].InFlight != 0 {
		t.Errorf("%d in flight", snapshot.Instances[0].InFlight)
	}
	goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*conn).serve"))
}

// TestShutdownIdle checks that Shutdown leaves no connection to an instance.
func TestShutdownIdle(t *testing.T) {
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		c.WaitClosed()
	})
	before := goleak.IgnoreCurrent()
	pool := registry.New(registry.Options{})
	addInstance(t, pool, address)
	p := proxy.New(proxy.Options{Engine: engine, Router: route.Single(route.NewApp("default", pool, route.Settings{}))})
	l := proxytest.Listen(t)
	served := make(chan error, 1)
	go func() { served <- p.Serve(l) }()
	c := proxytest.Dial(t, l.Addr().String())
	if !serves(c, patience) {
		t.Fatal("no response")
	}
	if err := p.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := wait(t, served, "Serve"); err != nil {
		t.Error(err)
	}
	goleak.VerifyNone(t, before)
}

// TestShutdownTwice checks a second Shutdown, and Shutdown without Serve.
func TestShutdownTwice(t *testing.T) {
	t.Parallel()
	p := proxy.New(proxy.Options{Engine: engine, Router: route.Single(route.NewApp("default", registry.New(registry.Options{}), route.Settings{}))})
	for range 2 {
		if err := p.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := p.Serve(proxytest.Listen(t)); err != nil {
		t.Errorf("Serve after Shutdown: %v", err)
	}
}
