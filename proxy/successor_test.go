package proxy_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// shareWith serves another proxy, over the same instance, on the listening socket of l.
func shareWith(t *testing.T, l net.Listener, s setup) *front {
	t.Helper()
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	shared, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	f := newProxy(t, s)
	served := make(chan error, 1)
	go func() { served <- f.proxy.Serve(shared) }()
	t.Cleanup(func() { // before the Shutdown of newProxy
		f.proxy.Leave(shared)
		if err := wait(t, served, "Serve"); err != nil {
			t.Error(err)
		}
	})
	return f
}

// newcomers are clients that connect, send one request and leave.
type newcomers struct {
	address      string
	done         chan struct{}
	running      sync.WaitGroup
	mu           sync.Mutex // guards the rest
	served, lost int
	failure      error
}

// run connects n clients at a time until done is closed.
func (c *newcomers) run(n int) {
	for range n {
		c.running.Go(func() {
			for {
				select {
				case <-c.done:
					return
				default:
				}
				err := c.visit()
				c.mu.Lock()
				if err != nil {
					c.lost, c.failure = c.lost+1, err
				} else {
					c.served++
				}
				c.mu.Unlock()
			}
		})
	}
}

// visit makes a connection for one request.
func (c *newcomers) visit() error {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return err
	}
	conn = proxytest.Over(conn, c.address)
	defer conn.Close()
	if _, err = io.WriteString(conn, "POST /new HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"); err != nil {
		return err
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, res.Body)
	return err
}

// count returns how many were served.
func (c *newcomers) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.served
}

// TestSuccessorTakesOver: two proxies share a listening socket. One stops under load, and
// the other one accepts all that come: no connection is refused, no request is lost.
func TestSuccessorTakesOver(t *testing.T) {
	t.Parallel()
	s := setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "ok")
	})}}
	first := newProxy(t, s)
	l := proxytest.Listen(t)
	defer func() { _ = l.Close() }()
	successor := shareWith(t, l, s)
	first.dropRecords(t)
	successor.dropRecords(t)
	served := make(chan error, 1)
	go func() { served <- first.proxy.Serve(l) }()
	if overTLS {
		proxytest.Secured(t, l.Addr().String())
	}
	kept := &busy{address: l.Addr().String()}
	fresh := &newcomers{address: l.Addr().String(), done: make(chan struct{})}
	kept.run(16)
	fresh.run(4)
	for fresh.count() < 200 {
		time.Sleep(time.Millisecond) // the clients do not say when
	}
	if err := first.proxy.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
	if err := wait(t, served, "Serve"); err != nil {
		t.Error(err)
	}
	before := successor.served()[0]
	for after := fresh.count() + 200; fresh.count() < after; {
		time.Sleep(time.Millisecond)
	}
	close(fresh.done)
	kept.stop.Store(true)
	fresh.running.Wait()
	successor.proxy.EndKeepAlive()
	kept.clients.Wait()
	if fresh.lost > 0 || kept.lost.Load() > 0 || kept.refused.Load() > 0 {
		t.Errorf("%d new connections lost (%v); of the kept ones %d requests lost, %d refused", fresh.lost, fresh.failure, kept.lost.Load(), kept.refused.Load())
	}
	if got := successor.served()[0]; got < before+200 {
		t.Errorf("the successor served %d requests, then %d", before, got)
	}
}

// TestDrainGrace: during a shutdown an idle connection may be used for as long as the
// settings say.
func TestDrainGrace(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })},
		options:   proxy.Options{Settings: proxy.Settings{DrainGrace: patience, IdleTimeout: patience}},
	})
	idle, fresh := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
	if !serves(idle, patience) || !serves(fresh, patience) {
		t.Fatal("no response")
	}
	down := make(chan error, 1)
	go func() { down <- f.proxy.Shutdown(context.Background()) }()
	refused(t, f.address)
	time.Sleep(policy.DrainGrace + policy.DrainGrace/2) // the promise is a time
	for _, c := range []*proxytest.Peer{idle, fresh} {
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "Connection: close\r\n") {
			t.Errorf("got %q", got)
		}
	}
	if err := wait(t, down, "Shutdown"); err != nil {
		t.Error(err)
	}
}

// TestShutdownFreesInstances: idle connections to instances are closed when a shutdown
// begins, although a tunnel is open: an instance may serve one connection at a time.
func TestShutdownFreesInstances(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		if strings.Contains(c.FirstLine(), "/tunnel") {
			c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: x\n\n")
			c.WaitClosed()
			return
		}
		c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		c.WaitClosed()
		closed <- struct{}{}
	})
	f := newProxy(t, setup{instances: []string{address}})
	kept := *f.app.Settings()
	kept.KeepAlive = time.Hour // it is not closed for its age
	f.app.Configure(kept)
	tunnel, plain := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
	tunnel.Send("GET /tunnel HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
	if line := tunnel.FirstLine(); !strings.Contains(line, "101") {
		t.Fatalf("got %q", line)
	}
	if !serves(plain, patience) {
		t.Fatal("no response")
	}
	down := make(chan error, 1)
	go func() { down <- f.proxy.Shutdown(context.Background()) }()
	wait(t, closed, "end of the idle connection")
	_ = tunnel.Close()
	if err := wait(t, down, "Shutdown"); err != nil {
		t.Error(err)
	}
}
