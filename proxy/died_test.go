package proxy_test

import (
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestRetryDied checks that a request on its way to an instance that dies goes to
// another one if that is safe, also if its connection was a new one.
func TestRetryDied(t *testing.T) {
	t.Parallel()
	for method, code := range map[string]int{"GET": 200, "HEAD": 200, "DELETE": 200, "POST": 502} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			l := proxytest.Listen(t)
			proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
				_ = c.Head()
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
	l := proxytest.Listen(t)
	proxytest.ScriptOn(t, l, func(c *proxytest.Peer) {
		_ = c.Head()
		_ = l.Close()
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
	})
	hosts := make(chan string, 1)
	second := server(t, func(_ http.ResponseWriter, r *http.Request) { hosts <- r.Host })
	f := newProxy(t, setup{instances: []string{l.Addr().String(), second}})
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.0\n\n")
	_ = c.Rest()
	f.recorded(t, 200)
	if host, want := <-hosts, endpointOf(second).Host(); host != want {
		t.Errorf("the Host is %s, want %s", host, want)
	}
}

// TestNoRetryWhileItLives checks that a request is not repeated when its instance
// closes the connection without a response and goes on to accept others.
func TestNoRetryWhileItLives(t *testing.T) {
	t.Parallel()
	address := proxytest.Script(t, func(c *proxytest.Peer) { _ = c.Head() })
	f := newProxy(t, setup{instances: []string{address, server(t, echo)}})
	res := get(t, newClient(t, "http1"), f.url)
	readAll(t, res)
	if res.StatusCode != http.StatusBadGateway {
		t.Errorf("%d, want 502", res.StatusCode)
	}
	f.recorded(t, 502)
	f.idle(t)
}

// TestRetryCulprit checks that a request whose instance ended by itself goes to another
// instance only if the first one had another request, or was killed from outside.
func TestRetryCulprit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		requests int
		own      bool
		code     int
	}{
		"alone":               {1, true, 502},
		"beside another":      {2, true, 200},
		"killed from outside": {1, false, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, arrived, dies := dying(t)
			f := newProxy(t, setup{instances: []string{l.Addr().String()}})
			answers := make(chan *http.Response, c.requests)
			for range c.requests {
				go func() { answers <- get(t, newClient(t, "http1"), f.url+"/path?query") }() // ends with its response
				wait(t, arrived, "the request at the instance")
			}
			addInstance(t, f.registry, server(t, echo))
			_ = l.Close() // it refuses connections before the first one breaks
			close(dies)
			for end := time.Now().Add(patience); f.registry.Casualties(f.ids[0]).Pending > 0 && time.Now().Before(end); {
				time.Sleep(time.Millisecond) // the proxy reads that the connections broke
			}
			named := f.registry.Casualties(f.ids[0]).Named
			if err := f.registry.Ended(f.ids[0], registry.Ending{Reason: "exit status 3", Own: c.own}); err != nil {
				t.Fatal(err)
			}
			for range c.requests {
				res := wait(t, answers, "a response")
				if c.code == http.StatusBadGateway {
					wantFault(t, res, c.code, "the instance ended while it worked on this request")
				} else if body := readAll(t, res); res.StatusCode != c.code {
					t.Errorf("%d %s, want %d", res.StatusCode, body, c.code)
				}
			}
			if len(named) != c.requests || named[0] != "GET /path" {
				t.Errorf("named %q", named)
			}
			if got := f.served()[1] > 0; got != (c.code == 200) {
				t.Errorf("sent to another instance: %v", got)
			}
			f.idle(t)
		})
	}
}

// TestRetryStopped checks that an instance that the fleet stopped while it had a request
// does not count as one that the request may have ended, and that two that were killed
// do: the request may have killed them.
func TestRetryStopped(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stopped bool // the first one
		code    int
	}{
		"stopped, killed": {true, 200},
		"killed twice":    {false, 502},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, arrived, dies := dying(t)
			f := newProxy(t, setup{instances: []string{l.Addr().String()}})
			answer := make(chan *http.Response, 1)
			go func() { answer <- get(t, newClient(t, "http1"), f.url) }() // ends with its response
			wait(t, arrived, "the request at the first instance")
			l2, arrived2, dies2 := dying(t)
			second := addInstance(t, f.registry, l2.Addr().String())
			end := func(id registry.ID, l net.Listener, dies chan struct{}, stopped bool) {
				_ = l.Close()
				var err error
				if !stopped {
					err = f.registry.Ended(id, registry.Ending{Reason: "signal: killed"})
				} else if _, err = f.registry.Drain(id, "failed health checks"); err == nil {
					err = f.registry.Transition(id, registry.Stopped, "failed health checks")
				}
				if err != nil {
					t.Error(err)
				}
				close(dies)
			}
			end(f.ids[0], l, dies, c.stopped)
			wait(t, arrived2, "the request at the second instance")
			addInstance(t, f.registry, server(t, echo))
			end(second, l2, dies2, false)
			res := wait(t, answer, "a response")
			readAll(t, res)
			if res.StatusCode != c.code {
				t.Errorf("got %d, want %d", res.StatusCode, c.code)
			}
		})
	}
}
