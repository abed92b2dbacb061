package proxy_test

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

const upgradeHead = "Host: a\nConnection: Upgrade\nUpgrade: test\n\n"

// TestTunnelWebSocket checks that a WebSocket works, counts as in flight until it
// ends, and is recorded when it opens.
func TestTunnelWebSocket(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		for {
			kind, message, err := c.Read(r.Context())
			if err != nil {
				return
			}
			if err := c.Write(r.Context(), kind, append([]byte("echo "), message...)); err != nil {
				return
			}
		}
	})}})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, res, err := websocket.Dial(ctx, f.url+"/ws", &websocket.DialOptions{HTTPClient: newClient(t, "http1")})
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body
	f.recorded(t, 101)
	for _, message := range []string{"hello", strings.Repeat("x", 20000)} {
		if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != "echo "+message {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	if n := f.inFlight(); n != 1 {
		t.Errorf("%d in flight, want 1", n)
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
	f.drained(t)
	if len(f.records) != 0 {
		t.Errorf("recorded again: %v", <-f.records)
	}
}

// drained waits until no request is in flight.
func (f *front) drained(t testing.TB) {
	t.Helper()
	for _, id := range f.ids {
		gone, err := f.registry.Drain(id, "test")
		if err != nil {
			t.Fatal(err)
		}
		wait(t, gone, "drain")
	}
}

// TestTunnelEarlyBytes checks that the bytes that either side sends with its head
// arrive, and that the end of one direction leaves the other one open.
func TestTunnelEarlyBytes(t *testing.T) {
	t.Parallel()
	received := make(chan string, 1)
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		head := c.Head()
		if !slices.Contains(head, "Upgrade: test") || !slices.Contains(head, "Connection: Upgrade") {
			t.Errorf("head %q", head)
		}
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: test\n\nfrom the instance")
		received <- c.Rest()
		c.Send(", later")
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\n" + upgradeHead + "from the client")
	if head := c.Head(); len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 101 ") {
		t.Fatalf("head %q", head)
	}
	early := make([]byte, len("from the instance"))
	if _, err := io.ReadFull(c.R, early); err != nil || string(early) != "from the instance" {
		t.Errorf("got %q, %v", early, err)
	}
	c.Send(", later")
	if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := wait(t, received, "client's bytes"); got != "from the client, later" {
		t.Errorf("instance received %q", got)
	}
	if got := c.Rest(); got != ", later" {
		t.Errorf("rest %q", got)
	}
	f.recorded(t, 101)
	f.drained(t)
}

// TestTunnelHalfClosed checks that an instance that has ended its side still gets the
// bytes of the client.
func TestTunnelHalfClosed(t *testing.T) {
	t.Parallel()
	received := make(chan string, 1)
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: test\n\nall")
		_ = c.Conn.(interface{ CloseWrite() error }).CloseWrite()
		received <- c.Rest()
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\n" + upgradeHead + "early")
	c.Head()
	if got := c.Rest(); got != "all" {
		t.Errorf("rest %q", got)
	}
	c.Send(", late")
	_ = c.Close()
	if got := wait(t, received, "client's bytes"); got != "early, late" {
		t.Errorf("instance received %q", got)
	}
	f.drained(t)
}

// TestTunnelUntaken checks that a side that takes nothing is given up, and that one
// that takes a little at times is not.
func TestTunnelUntaken(t *testing.T) {
	t.Parallel()
	const size = 32 << 20 // more than the kernels take
	const limit = 20 * soon
	piece := make([]byte, size/32)
	push := func(c *proxytest.Peer) {
		for range size / len(piece) {
			if _, err := c.Write(piece); err != nil {
				return
			}
		}
	}
	open := func(t *testing.T, talk func(c *proxytest.Peer)) (*front, *proxytest.Peer) {
		f := newProxy(t, setup{
			instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
				c.Head()
				c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: test\n\n")
				talk(c)
			})},
			options: proxy.Options{Settings: proxy.Settings{IdleTimeout: limit}}, timeout: limit,
		})
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.1\n" + upgradeHead)
		c.Head()
		return f, c
	}
	t.Run("client", func(t *testing.T) {
		t.Parallel()
		f, c := open(t, push)
		f.drained(t)
		_ = c
	})
	t.Run("instance", func(t *testing.T) {
		t.Parallel()
		over := make(chan struct{})
		f, c := open(t, func(*proxytest.Peer) { <-over })
		defer close(over)
		go push(c) // it ends with the connection
		f.drained(t)
	})
	t.Run("slow client", func(t *testing.T) {
		t.Parallel()
		_, c := open(t, push)
		left := int64(size)
		for range 30 { // together longer than the limit; less than what the kernel calls room
			time.Sleep(soon)
			n, _ := io.CopyN(io.Discard, c.R, 13<<10)
			left -= n
		}
		if n, err := io.Copy(io.Discard, c.R); n != left {
			t.Errorf("%d bytes of %d, %v", n, left, err)
		}
	})
}

// TestTunnelEnds checks that when one side leaves, the other one is closed and the
// place is free.
func TestTunnelEnds(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"client", "instance"} {
		t.Run(who, func(t *testing.T) {
			t.Parallel()
			leave, gone := make(chan struct{}), make(chan struct{})
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
				c.Head()
				c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: test\n\n")
				if who == "client" {
					c.WaitClosed()
					close(gone)
					return
				}
				<-leave
			})}})
			c := proxytest.Dial(t, f.address)
			c.Send("GET / HTTP/1.1\n" + upgradeHead)
			c.Head()
			f.recorded(t, 101)
			if n := f.inFlight(); n != 1 {
				t.Errorf("%d in flight, want 1", n)
			}
			if who == "client" {
				_ = c.Close()
				wait(t, gone, "end of the tunnel")
			} else {
				close(leave)
				c.WaitClosed()
				_ = c.Close()
			}
			f.drained(t)
		})
	}
}

// TestTunnelRefused checks that after a response other than a 101 the client can send
// another request.
func TestTunnelRefused(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET /one HTTP/1.1\n" + upgradeHead + "GET /two HTTP/1.1\nHost: a\nConnection: close\n\n")
	got := c.Rest()
	if strings.Count(got, "HTTP/1.1 200 OK") != 2 || !strings.Contains(got, `"Target":"/two"`) {
		t.Errorf("got %s", got)
	}
}

// TestTunnelNotForwarded checks that a client cannot switch to a protocol that would
// carry requests past the proxy.
func TestTunnelNotForwarded(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	for _, fields := range []string{
		"Connection: Upgrade, HTTP2-Settings, close\nUpgrade: h2c\nHTTP2-Settings: AAMAAABkAAQAAP__\n",
		"Connection: Upgrade, close\nUpgrade: websocket, h2c\n",
		"Connection: close\nUpgrade: websocket\n",
	} {
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.1\nHost: a\n" + fields + "\n")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		got := seen(t, res)
		for _, name := range []string{"Upgrade", "Connection", "Http2-Settings"} {
			if v := got.Header[name]; v != nil {
				t.Errorf("%q: instance saw %s: %q", fields, name, v)
			}
		}
	}
}

// TestTunnelWrongProtocol checks that a switch to another protocol than the client
// asked for means a 502, and that the connection to the instance is closed.
func TestTunnelWrongProtocol(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		c.Head()
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: other\n\n")
		c.WaitClosed()
		close(closed)
	})}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\n" + upgradeHead)
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantFault(t, res, 502, "invalid response")
	wait(t, closed, "close")
	f.recorded(t, 502)
	f.idle(t)
}
