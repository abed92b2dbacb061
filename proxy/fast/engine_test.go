//go:build linux

package fast

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// TestKeepAlive: many requests on one connection use one connection to the instance.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	conns := make(chan struct{}, 16)
	f := serve(t, Options{}, proxytest.Script(t, func(c *proxytest.Peer) {
		conns <- struct{}{}
		for c.FirstLine() != "" {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
	}))
	c := proxytest.Dial(t, f.address)
	for range 100 {
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		if code, body := c.Response(t); code != 200 || body != "ok" {
			t.Fatalf("%d %q", code, body)
		}
		f.recorded(t, 200)
	}
	if len(conns) != 1 {
		t.Errorf("%d connections to the instance, want 1", len(conns))
	}
}

// TestBodies: content of all sizes passes both ways, in both framings.
func TestBodies(t *testing.T) {
	t.Parallel()
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
	c := proxytest.Dial(t, f.address)
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
			if code, body := c.Response(t); code != 200 || body != string(pattern[:size]) {
				t.Fatalf("%s of %d: %d with %d bytes", path, size, code, len(body))
			}
			f.recorded(t, 200)
		}
	}
	f.inWorkers(func(w *worker) {
		if w.loop.Buffers().InUse() != 0 {
			t.Errorf("%d buffers in use by idle connections", w.loop.Buffers().InUse())
		}
	})
}

// TestHalfClose: a client that ends its output after its request gets the response.
func TestHalfClose(t *testing.T) {
	t.Parallel()
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
		c := proxytest.Dial(t, f.address)
		c.Send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		<-arrived
		c.CloseWrite()
		for seen := false; !seen; { // the loop has noticed
			f.inWorkers(func(w *worker) {
				for _, c := range w.clients(exchanging) {
					seen = seen || c.Ended()
				}
			})
		}
		release <- struct{}{}
		if code, body := c.Response(t); code != 200 || body != "begin "+path {
			t.Errorf("%d %q", code, body)
		}
		if rest := c.Rest(); rest != "" {
			t.Errorf("then came %q", rest)
		}
		f.recorded(t, 200)
	}
}

// TestHalfClosePipeline: the end of the client's output may come with several
// requests.
func TestHalfClosePipeline(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{}, server(t, echo))
	c := proxytest.Dial(t, f.address)
	c.Send(strings.Repeat("GET / HTTP/1.1\nHost: a\n\n", 50))
	c.CloseWrite()
	if got := strings.Count(c.Rest(), "HTTP/1.1 200 OK"); got != 50 {
		t.Errorf("%d responses, want 50", got)
	}
}

// TestDrop: a dropped instance keeps no connection, neither an idle one nor one
// that becomes idle.
func TestDrop(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 4)
	arrived, release := make(chan struct{}), make(chan struct{})
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		for head := c.FirstLine(); head != ""; head = c.FirstLine() {
			if strings.Contains(head, "/slow") {
				arrived <- struct{}{}
				<-release
			}
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
		closed <- struct{}{}
	})
	f := serve(t, Options{Loops: 1}, address)
	slow, quick := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
	slow.Send("GET /slow HTTP/1.1\nHost: a\n\n")
	<-arrived
	quick.Send("GET / HTTP/1.1\nHost: a\n\n")
	quick.Response(t)
	f.Drop(registry.Endpoint{Network: "tcp", Address: address})
	<-closed
	close(release)
	slow.Response(t)
	<-closed
	quick.Send("GET / HTTP/1.1\nHost: a\n\n")
	if code, _ := quick.Response(t); code != 200 {
		t.Errorf("afterwards: %d", code)
	}
}

// TestMaxConnections: connections beyond the limit wait until one is closed.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	options := Options{Settings: with(settings.Settings{MaxConnections: 2})}
	f := serve(t, options, server(t, echo))
	get := func(c *proxytest.Peer) {
		t.Helper()
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		if code, _ := c.Response(t); code != 200 {
			t.Errorf("got %d", code)
		}
	}
	first, second := proxytest.Dial(t, f.address), proxytest.Dial(t, f.address)
	get(first)
	get(second)
	first.Send("GET / HTTP/1.1\nHost: a\n") // so it is not idle
	second.Send("GET / HTTP/1.1\nHost: a\n")
	third := proxytest.Dial(t, f.address) // the kernel accepts it
	third.Send("GET / HTTP/1.1\nHost: a\n\n")
	_ = third.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if _, err := third.R.ReadByte(); err == nil {
		t.Fatal("a third connection was accepted")
	}
	_ = third.SetReadDeadline(time.Time{})
	_ = first.Close()
	if code, _ := third.Response(t); code != 200 {
		t.Errorf("got %d", code)
	}
	fourth := proxytest.Dial(t, f.address)
	f.configure(settingsWith(f, 3))
	get(fourth)
}
