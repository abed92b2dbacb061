//go:build linux

package fast

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestPoison: bytes that an instance sends after its response answer no request.
func TestPoison(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]bool{"with the response": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			received, stray := make(chan struct{}), make(chan struct{}, 8)
			f := serve(t, Options{}, proxytest.Script(t, func(c *proxytest.Peer) {
				for c.FirstLine() != "" {
					c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
					if late {
						<-received
					}
					c.Send("HTTP/1.1 200 OK\nContent-Length: 6\n\npoison")
					stray <- struct{}{}
				}
			}))
			for range 4 {
				c := proxytest.Dial(t, f.address)
				c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n")
				if code, body := c.Response(t); code != 200 || body != "ok" {
					t.Errorf("%d %q", code, body)
				}
				if late {
					received <- struct{}{}
				}
				<-stray
			}
		})
	}
}

// TestUnsent: a request of which nothing could be sent is sent on another
// connection, with any method and content.
func TestUnsent(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"GET", "POST"} {
		f := serve(t, Options{}, server(t, echo))
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		c.Response(t)
		broken := 0
		var mu sync.Mutex
		f.inWorkers(func(w *worker) {
			mu.Lock()
			defer mu.Unlock()
			for _, p := range w.pools {
				for _, u := range p.idle {
					u.Socket().CloseWrite()
					broken++
				}
			}
		})
		if broken != 1 {
			t.Errorf("%d idle connections, want 1", broken)
		}
		c.Send(method + " / HTTP/1.1\nHost: a\nContent-Length: 8\n\nprecious")
		if code, body := c.Response(t); code != 200 || body != method+" / precious" {
			t.Errorf("%s: %d %q", method, code, body)
		}
	}
}

// TestSpeaksFirst: bytes that an instance sends on a new connection before a request
// was sent are no response, and end the trust in the instance. The loop is held up
// until the bytes are there.
func TestSpeaksFirst(t *testing.T) {
	t.Parallel()
	const stray = "HTTP/1.1 200 OK\nContent-Length: 5\n\nstray"
	greeted := make(chan struct{})
	var first atomic.Bool
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		if !first.Swap(true) {
			c.Send(stray)
			close(greeted)
		}
		for c.FirstLine() != "" {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
	})
	f := serve(t, Options{Loops: 1}, address)
	c := proxytest.Dial(t, f.address)
	c.Send("TRACE / HTTP/1.1\nHost: a\n\n") // which no instance gets
	c.Response(t)
	f.recorded(t, 405)
	l, held, sending := f.group.Loops()[0], make(chan struct{}), make(chan struct{})
	l.Post(eventloop.Func(func() { close(held); <-sending }))
	<-held
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	l.Post(eventloop.Func(func() { <-greeted })) // in the turn in which it connects
	close(sending)
	if code, body := c.Response(t); code != 200 || body != "ok" {
		t.Errorf("%d %q", code, body)
	}
	f.recorded(t, 200)
	if f.conduct.Of(registry.Endpoint{Network: "tcp", Address: address}).Reusable() {
		t.Error("the instance is trusted")
	}
}
