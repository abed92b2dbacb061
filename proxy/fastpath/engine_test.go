//go:build linux

package fastpath

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
)

// TestKeepAlive: many requests on one connection, one connection to the instance.
func TestKeepAlive(t *testing.T) {
	conns := make(chan struct{}, 16)
	f := serve(t, Options{}, script(t, func(c *peer) {
		conns <- struct{}{}
		for c.head() != "" {
			c.send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
	}))
	c := dial(t, f.address)
	for range 100 {
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		if code, body := c.response(t); code != 200 || body != "ok" {
			t.Fatalf("%d %q", code, body)
		}
		f.recorded(t, 200)
	}
	if len(conns) != 1 {
		t.Errorf("%d connections to the instance, want 1", len(conns))
	}
}

// TestBodies: content of all sizes, both ways, in both framings.
func TestBodies(t *testing.T) {
	f := serve(t, Options{}, server(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/sized" {
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
		}
		for len(b) > 0 {
			n := min(len(b), 100_000)
			_, _ = w.Write(b[:n])
			if r.URL.Path != "/sized" {
				_ = http.NewResponseController(w).Flush()
			}
			b = b[n:]
		}
	}))
	pattern := make([]byte, 5<<20)
	for i := range pattern {
		pattern[i] = byte(i*7 + i>>9)
	}
	c := dial(t, f.address)
	for _, size := range []int{0, 1, 100, 4096, 4097, 65535, 65536, 65537, 1 << 20, len(pattern)} {
		for _, path := range []string{"/sized", "/chunked"} {
			go func() {
				w := bufio.NewWriter(c)
				if path == "/sized" {
					fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n", path, size)
					_, _ = w.Write(pattern[:size])
				} else {
					fmt.Fprintf(w, "POST %s HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", path)
					for b := pattern[:size]; len(b) > 0; {
						n := min(len(b), 1+len(b)/3)
						_, _ = w.Write(http1.AppendChunkSize(nil, n))
						_, _ = w.Write(b[:n])
						_, _ = w.WriteString(http1.ChunkEnd)
						b = b[n:]
					}
					_, _ = w.WriteString(http1.LastChunk)
				}
				_ = w.Flush()
			}()
			if code, body := c.response(t); code != 200 || body != string(pattern[:size]) {
				t.Fatalf("%s of %d: %d with %d bytes", path, size, code, len(body))
			}
			f.recorded(t, 200)
		}
	}
	f.inLoops(func(l *loop) {
		if l.buffers.held != 0 {
			t.Errorf("%d buffers in use by idle connections", l.buffers.held)
		}
	})
}

// TestHalfClose: a client that ends its side after its request gets the response
// all the same.
func TestHalfClose(t *testing.T) {
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	f := serve(t, Options{Loops: 1}, server(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "begin ")
		if r.URL.Path == "/begun" {
			_ = http.NewResponseController(w).Flush()
		}
		arrived <- struct{}{}
		<-release
		fmt.Fprint(w, r.URL.Path)
	}))
	for _, path := range []string{"/", "/begun"} {
		c := dial(t, f.address)
		c.send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		<-arrived
		c.closeWrite()
		for seen := false; !seen; { // the loop has noticed
			f.inLoops(func(l *loop) {
				for _, c := range l.table {
					seen = seen || c != nil && c.state == exchanging && c.ready&ended != 0
				}
			})
		}
		release <- struct{}{}
		if code, body := c.response(t); code != 200 || body != "begin "+path {
			t.Errorf("%d %q", code, body)
		}
		if rest := c.rest(); rest != "" {
			t.Errorf("then came %q", rest)
		}
		f.recorded(t, 200)
	}
}

// TestHalfClosePipeline: the end of the client's side may come with several
// requests.
func TestHalfClosePipeline(t *testing.T) {
	f := serve(t, Options{}, server(t, echo))
	c := dial(t, f.address)
	c.send(strings.Repeat("GET / HTTP/1.1\nHost: a\n\n", 50))
	c.closeWrite()
	if got := strings.Count(c.rest(), "HTTP/1.1 200 OK"); got != 50 {
		t.Errorf("%d responses, want 50", got)
	}
}

// TestEven: connections are spread evenly over the loops.
func TestEven(t *testing.T) {
	f := serve(t, Options{Loops: 4}, server(t, echo))
	var conns []*peer
	for range 40 {
		c := dial(t, f.address)
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		c.response(t)
		conns = append(conns, c)
	}
	for i, l := range f.all() {
		if n := l.load.Load(); n < 10-imbalance || n > 10+imbalance {
			t.Errorf("loop %d has %d connections, want about 10", i, n)
		}
	}
	for _, c := range conns[:20] { // wherever these were
		_ = c.Close()
	}
	for deadline := time.Now().Add(5 * time.Second); f.open.Load() > 20 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for range 20 {
		c := dial(t, f.address)
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		c.response(t)
	}
	for i, l := range f.all() {
		if n := l.load.Load(); n < 10-2*imbalance || n > 10+2*imbalance {
			t.Errorf("then loop %d has %d connections, want about 10", i, n)
		}
	}
}

// TestDrop: a dropped instance keeps no connection, neither an idle one nor one
// that becomes idle.
func TestDrop(t *testing.T) {
	closed := make(chan struct{}, 4)
	arrived, release := make(chan struct{}), make(chan struct{})
	address := script(t, func(c *peer) {
		for head := c.head(); head != ""; head = c.head() {
			if strings.Contains(head, "/slow") {
				arrived <- struct{}{}
				<-release
			}
			c.send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
		closed <- struct{}{}
	})
	f := serve(t, Options{Loops: 1}, address)
	slow, quick := dial(t, f.address), dial(t, f.address)
	slow.send("GET /slow HTTP/1.1\nHost: a\n\n")
	<-arrived
	quick.send("GET / HTTP/1.1\nHost: a\n\n")
	quick.response(t)
	f.Drop(registry.Endpoint{Network: "tcp", Address: address})
	<-closed
	close(release)
	slow.response(t)
	<-closed
	quick.send("GET / HTTP/1.1\nHost: a\n\n")
	if code, _ := quick.response(t); code != 200 {
		t.Errorf("afterwards: %d", code)
	}
}

// TestPoison: what an instance sends without being asked is no response, to
// whatever request comes next.
func TestPoison(t *testing.T) {
	for name, late := range map[string]bool{"with the response": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan struct{}, 8)
			f := serve(t, Options{}, script(t, func(c *peer) {
				for c.head() != "" {
					c.send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
					if late {
						time.Sleep(20 * time.Millisecond)
					}
					c.send("HTTP/1.1 200 OK\nContent-Length: 6\n\npoison")
					sent <- struct{}{}
				}
			}))
			for range 4 {
				c := dial(t, f.address)
				c.send("POST / HTTP/1.1\nHost: a\nContent-Length: 0\n\n")
				if code, body := c.response(t); code != 200 || body != "ok" {
					t.Errorf("%d %q", code, body)
				}
				<-sent
			}
		})
	}
}

// TestUnsent: a request of which nothing could be sent is sent on another
// connection, whatever its method and content.
func TestUnsent(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		f := serve(t, Options{}, server(t, echo))
		c := dial(t, f.address)
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		c.response(t)
		broken := 0
		var mu sync.Mutex
		f.inLoops(func(l *loop) {
			mu.Lock()
			defer mu.Unlock()
			for _, p := range l.pools {
				for _, u := range p.idle {
					u.fd.closeWrite()
					broken++
				}
			}
		})
		if broken != 1 {
			t.Errorf("%d idle connections, want 1", broken)
		}
		c.send(method + " / HTTP/1.1\nHost: a\nContent-Length: 8\n\nprecious")
		if code, body := c.response(t); code != 200 || body != method+" / precious" {
			t.Errorf("%s: %d %q", method, code, body)
		}
	}
}

// TestMaxConnections: those that are too many wait for one to be closed.
func TestMaxConnections(t *testing.T) {
	options := Options{}
	options.Settings.MaxConnections = 2
	f := serve(t, options, server(t, echo))
	get := func(c *peer) {
		t.Helper()
		c.send("GET / HTTP/1.1\nHost: a\n\n")
		if code, _ := c.response(t); code != 200 {
			t.Errorf("got %d", code)
		}
	}
	first, second := dial(t, f.address), dial(t, f.address)
	get(first)
	get(second)
	third := dial(t, f.address) // by the kernel
	third.send("GET / HTTP/1.1\nHost: a\n\n")
	_ = third.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := third.r.ReadByte(); err == nil {
		t.Fatal("a third connection was accepted")
	}
	_ = third.SetReadDeadline(time.Time{})
	_ = first.Close()
	if code, _ := third.response(t); code != 200 {
		t.Errorf("got %d", code)
	}
	fourth := dial(t, f.address)
	f.Configure(settingsWith(f, 3))
	get(fourth)
}
