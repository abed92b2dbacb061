package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// busy is clients that keep their connections, send one request after the other, and
// repeat none. They connect again when a response says that the connection ends.
type busy struct {
	address string
	stop    atomic.Bool // clients connect no more
	clients sync.WaitGroup
	served  atomic.Int64
	lost    atomic.Int64 // requests without a whole response
	refused atomic.Int64 // connections that were not accepted before stop
}

// run starts n clients.
func (b *busy) run(n int) {
	for i := range n {
		b.clients.Go(func() {
			for !b.stop.Load() {
				dialled := time.Now()
				conn, err := net.Dial("tcp", b.address)
				if err != nil {
					if !b.stop.Load() {
						b.refused.Add(1)
					}
					return
				}
				conn = proxytest.Over(conn, b.address)
				if !b.use(conn, dialled, time.Duration(i)*time.Millisecond) {
					return
				}
			}
		})
	}
}

// use sends requests on a connection, which was dialled at the given time, until a
// response ends it. It returns false if one failed.
func (b *busy) use(conn net.Conn, began time.Time, pause time.Duration) bool {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for n := 0; ; n++ {
		idle := began // at the earliest
		began = time.Now()
		_, err := io.WriteString(conn, "POST /busy HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")
		late := time.Since(idle) >= policy.DrainGrace
		if err == nil {
			var res *http.Response
			if res, err = http.ReadResponse(r, nil); err == nil {
				_, err = io.Copy(io.Discard, res.Body)
				if err == nil && res.StatusCode == http.StatusOK {
					b.served.Add(1)
					if res.Close {
						return true
					}
					time.Sleep(pause) // the client's own
					continue
				}
			}
		}
		switch {
		case n == 0 && errors.Is(err, syscall.ECONNRESET):
			// The kernel made the connection after the last accept, and before the close.
			b.refused.Add(1)
		case !late: // else the connection may have been closed as an idle one
			b.lost.Add(1)
		}
		return false
	}
}

// TestStopLosesNothing: sixteen busy clients lose no request in three stops. While the
// proxy still accepts, none of their connections is refused.
func TestStopLosesNothing(t *testing.T) {
	t.Parallel()
	for range 3 {
		f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(2 * time.Millisecond) // the work
			_, _ = io.WriteString(w, "ok")
		})}})
		f.dropRecords(t)
		b := &busy{address: f.address}
		b.run(16)
		for b.served.Load() < 200 {
			time.Sleep(time.Millisecond) // the clients do not say when
		}
		f.proxy.EndKeepAlive()
		for before := b.served.Load(); b.served.Load() < before+200; {
			time.Sleep(time.Millisecond)
		}
		b.stop.Store(true) // the readiness check of a balancer in front of it has failed
		if err := f.proxy.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		b.clients.Wait()
		if b.lost.Load() != 0 || b.refused.Load() != 0 {
			t.Errorf("%d requests lost, %d connections refused; %d served", b.lost.Load(), b.refused.Load(), b.served.Load())
		}
	}
}

// TestStopAtOnceLosesNoSentRequest: without a time in which it still accepts, connections
// are refused or not accepted, but a request on an accepted connection is answered.
func TestStopAtOnceLosesNoSentRequest(t *testing.T) {
	t.Parallel()
	for range 3 {
		f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}})
		f.dropRecords(t)
		b := &busy{address: f.address}
		b.run(16)
		for b.served.Load() < 200 {
			time.Sleep(time.Millisecond)
		}
		if err := f.proxy.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		b.clients.Wait()
		if b.lost.Load() != 0 {
			t.Errorf("%d requests lost; %d served", b.lost.Load(), b.served.Load())
		}
	}
}

// TestEndKeepAlive: each response ends its connection, and new connections are accepted.
func TestEndKeepAlive(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })}})
	kept := proxytest.Dial(t, f.address)
	if !serves(kept, patience) {
		t.Fatal("no response")
	}
	f.proxy.EndKeepAlive()
	for _, c := range []*proxytest.Peer{kept, proxytest.Dial(t, f.address)} {
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.Contains(got, "Connection: close\r\n") {
			t.Errorf("got %q", got)
		}
	}
	stream := newClient(t, "http2")
	for range 2 {
		if got := readAll(t, get(t, stream, f.url)); got != "ok" {
			t.Errorf("HTTP/2: got %q", got)
		}
	}
}

// TestStopLeavesTheSocketToOthers: a process that shares the listening socket accepts on
// it after this one has stopped.
func TestStopLeavesTheSocketToOthers(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, func(http.ResponseWriter, *http.Request) {})}})
	l := proxytest.Listen(t)
	file, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	successor, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = successor.Close() }()
	served := make(chan error, 1)
	go func() { served <- f.proxy.Serve(l) }()
	if overTLS {
		proxytest.Secured(t, l.Addr().String())
	}
	if !serves(proxytest.Dial(t, l.Addr().String()), patience) {
		t.Fatal("no response")
	}
	f.proxy.Leave(l)
	if err := wait(t, served, "Serve"); err != nil {
		t.Error(err)
	}
	accepted := make(chan error, 1)
	go func() {
		conn, err := successor.Accept()
		if err == nil {
			_ = conn.Close()
		}
		accepted <- err
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := wait(t, accepted, "connection"); err != nil {
		t.Errorf("the successor cannot accept: %v", err)
	}
}
