package proxy_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/route"
)

const post = "POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\nabc"

// read3 reads a request with three bytes of content, and reports whether there was one.
func read3(c *proxytest.Peer) bool {
	if c.Head() == nil {
		return false
	}
	content := make([]byte, 3)
	for n := 0; n < len(content); {
		k, err := c.R.Read(content[n:])
		if err != nil {
			return false
		}
		n += k
	}
	return true
}

// TestSilentEnd: no POST is lost with an instance that ends each connection after its
// response without saying so, at once or a moment later.
func TestSilentEnd(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 90 * time.Millisecond, 150 * time.Millisecond, 500 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{unproven: true, instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
				if read3(c) {
					c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
					time.Sleep(delay)
				}
			})}})
			c := proxytest.Dial(t, f.address)
			for i := range 40 {
				if code := status(t, c, post); code != 200 {
					t.Fatalf("POST %d was lost: %d", i, code)
				}
				if i%8 == 7 {
					time.Sleep(delay)
				}
			}
		})
	}
}

// TestShortIdleTime: no POST is lost with instances that end connections that have been
// idle for a short time, whether they announce it or not.
func TestShortIdleTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const idle = 300 * time.Millisecond
	f := newProxy(t, setup{unproven: true, instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		for {
			_ = c.SetReadDeadline(time.Now().Add(idle))
			if !read3(c) {
				return
			}
			c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		}
	})}})
	f.app.IdleTime().Answered(0) // the instances are known to keep connections
	c := proxytest.Dial(t, f.address)
	for i := range 20 {
		if code := status(t, c, post); code != 200 {
			t.Fatalf("POST %d was lost: %d", i, code)
		}
		time.Sleep(idle - 2*time.Millisecond + time.Duration(i%5)*time.Millisecond)
	}
}

// TestKeepAliveField: an instance that says how long it keeps connections is believed: a
// POST uses a connection again at once, and none that the instance is about to end.
func TestKeepAliveField(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]int64{1: 2, 100: 1} {
		t.Run(fmt.Sprint(seconds), func(t *testing.T) {
			t.Parallel()
			var conns atomic.Int64
			f := newProxy(t, setup{unproven: true, instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
				conns.Add(1)
				for read3(c) {
					c.Send(fmt.Sprintf("HTTP/1.1 200 OK\nKeep-Alive: timeout=%d\nContent-Length: 0\n\n", seconds))
				}
			})}})
			c := proxytest.Dial(t, f.address)
			for range 2 {
				status(t, c, post)
				time.Sleep(700 * time.Millisecond)
			}
			if n := conns.Load(); n != want {
				t.Errorf("%d connections, want %d", n, want)
			}
		})
	}
}

// TestNoKeepAlive: with keepAlive 0 each request has a connection of its own.
func TestNoKeepAlive(t *testing.T) {
	t.Parallel()
	var conns atomic.Int64
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		conns.Add(1)
		for read3(c) {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		}
	})}})
	c := proxytest.Dial(t, f.address)
	for want := range int64(6) {
		if want == 3 {
			f.app.Configure(route.Settings{KeepAlive: -1})
		}
		status(t, c, post)
		if n := conns.Load(); want >= 3 && n != want-1 {
			t.Errorf("%d connections, want %d", n, want-1)
		}
	}
}
