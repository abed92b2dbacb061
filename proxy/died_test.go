package proxy_test

import (
	"net"
	"net/http"
	"testing"
)

// TestRetryDied checks that a request on its way to an instance that dies goes to
// another one if that is safe, also if its connection was a new one.
func TestRetryDied(t *testing.T) {
	t.Parallel()
	for method, code := range map[string]int{"GET": 200, "HEAD": 200, "DELETE": 200, "POST": 502} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			l := listen(t)
			scriptOn(t, l, func(c *rawConn) {
				_ = c.head()
				_ = l.Close() // as the kernel does it: first the listener, then what was accepted
				_ = c.Conn.(*net.TCPConn).SetLinger(0)
			})
			f := newProxy(t, setup{instances: []string{l.Addr().String(), server(t, echo)}})
			res := do(t, newClient(t, "http1"), newRequest(t, method, f.url, nil))
			readAll(t, res)
			if res.StatusCode != code {
				t.Errorf("%s: %d, want %d", method, res.StatusCode, code)
			}
			f.recorded(t, code)
			f.idle(t)
		})
	}
}

// TestRetryHostless checks that a request that names no host gets the host of the
// instance that answers it.
func TestRetryHostless(t *testing.T) {
	t.Parallel()
	l := listen(t)
	scriptOn(t, l, func(c *rawConn) {
		_ = c.head()
		_ = l.Close()
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
	})
	hosts := make(chan string, 1)
	second := server(t, func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host })
	f := newProxy(t, setup{instances: []string{l.Addr().String(), second}})
	c := dial(t, f.address)
	c.send("GET / HTTP/1.0\n\n")
	_ = c.rest()
	f.recorded(t, 200)
	if host := <-hosts; host != second {
		t.Errorf("the Host is %s, want %s", host, second)
	}
}

// TestNoRetryWhileItLives checks that a request is not repeated when its instance
// closes the connection without a response and goes on to accept others.
func TestNoRetryWhileItLives(t *testing.T) {
	t.Parallel()
	address := script(t, func(c *rawConn) { _ = c.head() })
	f := newProxy(t, setup{instances: []string{address, server(t, echo)}})
	res := get(t, newClient(t, "http1"), f.url)
	readAll(t, res)
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("%d, want 502", res.StatusCode)
	}
	f.recorded(t, 502)
	f.idle(t)
}
