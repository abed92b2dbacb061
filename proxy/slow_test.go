package proxy_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

const large = 100 << 20

// flood is an instance that answers /large with 100 MiB.
func flood(t *testing.T) string {
	piece := make([]byte, 64<<10)
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/large" {
			echo(w, r)
			return
		}
		for range large / len(piece) {
			if _, err := w.Write(piece); err != nil {
				return
			}
		}
	})
}

// TestSlowClientsDoNotAffectOthers: clients that are slow with a head, with content,
// and with reading 100 MiB cost little memory, and others nothing.
func TestSlowClientsDoNotAffectOthers(t *testing.T) {
	f := newProxy(t, setup{instances: []string{flood(t), flood(t)}})
	before := heap()
	for range 8 {
		proxytest.Dial(t, f.address).Send("GET / HTTP/1.1\nHost: a\nX: " + strings.Repeat("x", 10<<10))
		proxytest.Dial(t, f.address).Send("POST / HTTP/1.1\nHost: a\nContent-Length: 1000000\n\nhalf")
		c := proxytest.Dial(t, f.address)
		c.Send("GET /large HTTP/1.1\nHost: a\n\n")
		if c.Head() == nil {
			t.Fatal("no response")
		}
	}
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		began := time.Now()
		for range 100 {
			seen(t, get(t, client, f.url))
		}
		if took := time.Since(began); took > patience/4 {
			t.Errorf("100 requests of others took %v", took)
		}
	})
	if n := int64(heap()) - int64(before); n > 16<<20 {
		t.Errorf("24 slow clients cost %d MiB", n>>20)
	}
}

// TestSlowReader checks that a client that takes nothing of its response is given up,
// and that one that takes a little at times gets all of it.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	open := func(t *testing.T) *front {
		return newProxy(t, setup{
			instances: []string{flood(t)},
			options:   proxy.Options{Settings: proxy.Settings{IdleTimeout: 20 * soon}},
		})
	}
	t.Run("a little", func(t *testing.T) {
		t.Parallel()
		f := open(t)
		c := proxytest.Dial(t, f.address)
		c.Send("GET /large HTTP/1.1\nHost: a\nConnection: close\n\n")
		total := int64(0)
		for range 45 { // together longer than the limit, twice
			time.Sleep(soon)
			n, err := io.CopyN(io.Discard, c.R, 13<<10) // less than what the kernel calls room
			if total += n; err != nil {
				t.Fatalf("after %d bytes: %v", total, err)
			}
		}
		if n, err := io.Copy(io.Discard, c.R); err != nil || total+n < large {
			t.Errorf("%d of %d bytes, %v", total+n, large, err)
		}
		f.recorded(t, 200)
	})
	t.Run("nothing", func(t *testing.T) {
		t.Parallel()
		f := open(t)
		proxytest.Dial(t, f.address).Send("GET /large HTTP/1.1\nHost: a\n\n")
		f.recorded(t, 499)
		f.idle(t)
	})
	t.Run("nothing of a stream", func(t *testing.T) {
		t.Parallel()
		f := open(t)
		client := newClient(t, "http2") // takes some MiB of each stream by itself
		client.Timeout = 0
		get(t, client, f.url+"/large")
		f.recorded(t, 499)
		f.idle(t)
		client.CloseIdleConnections()
	})
}

// TestQuietStream checks that an instance may be silent within a response for longer
// than a client may be idle.
func TestQuietStream(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := newProxy(t, setup{
		instances: []string{server(t, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "one ")
			_ = http.NewResponseController(w).Flush()
			<-release
			_, _ = io.WriteString(w, "two")
		})},
		options: proxy.Options{Settings: proxy.Settings{IdleTimeout: 5 * soon}},
	})
	eachProtocol(t, func(t *testing.T, client *http.Client) {
		res := get(t, client, f.url)
		time.Sleep(10 * soon)
		release <- struct{}{}
		if got := readAll(t, res); got != "one two" {
			t.Errorf("got %q", got)
		}
	})
}

// TestRefusedStreamIsNotKept checks that the log does not contain the oversized part
// of a request.
func TestRefusedStreamIsNotKept(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}})
	client := newClient(t, "http2")
	wantFault(t, get(t, client, f.url+"/"+strings.Repeat("a", 500<<10)), 414, "too long")
	f.recorded(t, 414)
	if n := len(f.log.String()); n > 1000 {
		t.Errorf("%d bytes of log", n)
	}
	client.CloseIdleConnections()
}

// TestPipelineIsBounded checks that the proxy reads little of the requests that a
// client sends ahead, and answers one after the other.
func TestPipelineIsBounded(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	h := newHarbour(t)
	f := newProxy(t, setup{instances: []string{h.address}})
	c := proxytest.Dial(t, f.address)
	request := []byte("GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 1000) + "\r\n\r\n")
	_ = c.SetWriteDeadline(time.Now().Add(5 * soon))
	sent := 0
	for {
		n, err := c.Write(bytes.Repeat(request, 1000))
		if sent += n; err != nil {
			break // the sockets are full
		}
		if sent > 64<<20 {
			t.Fatal("64 MiB of requests were read")
		}
	}
	for range 100 {
		wait(t, h.arrived, "request")
		if n := f.inFlight(); n != 1 || len(h.arrived) != 0 {
			t.Fatalf("%d in flight, want 1", n)
		}
		h.release <- struct{}{}
		if res, err := http.ReadResponse(c.R, nil); err != nil || readAll(t, res) != "done" {
			t.Fatalf("response: %v", err)
		}
		f.recorded(t, 200)
	}
	close(h.release)
	_ = c.Close()
}

// TestInstanceThatTakesNothing checks that an instance that takes none of the content
// for requestTimeout, and does not respond, is given up, and that one that takes some
// at times is not, however long it takes in all.
func TestInstanceThatTakesNothing(t *testing.T) {
	t.Parallel()
	const limit = 20 * soon
	newFront := func(t *testing.T, talk func(c *proxytest.Peer)) *front {
		return newProxy(t, setup{
			instances: []string{proxytest.Script(t, talk)},
			timeout:   limit,
		})
	}
	content := make([]byte, 16<<20) // more than the kernel takes
	for _, framing := range []string{"length", "chunked"} {
		t.Run("nothing/"+framing, func(t *testing.T) {
			t.Parallel()
			over := make(chan struct{})
			f := newFront(t, func(c *proxytest.Peer) { c.Head(); <-over })
			defer close(over)
			eachProtocol(t, func(t *testing.T, client *http.Client) {
				r := newRequest(t, http.MethodPost, f.url, bytes.NewReader(content))
				if framing == "chunked" {
					r.ContentLength = -1
				}
				res := do(t, client, r)
				readAll(t, res)
				if res.StatusCode != http.StatusGatewayTimeout {
					t.Errorf("status %d", res.StatusCode)
				}
				f.recorded(t, http.StatusGatewayTimeout)
				f.idle(t)
			})
		})
	}
	t.Run("some", func(t *testing.T) {
		t.Parallel()
		f := newFront(t, func(c *proxytest.Peer) {
			c.Head()
			for range 30 { // together longer than the limit
				time.Sleep(soon)
				if _, err := io.CopyN(io.Discard, c.R, int64(len(content)/30)); err != nil {
					return
				}
			}
			_, _ = io.CopyN(io.Discard, c.R, int64(len(content)%30))
			c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		})
		res := do(t, newClient(t, "http1"), newRequest(t, http.MethodPost, f.url, bytes.NewReader(content)))
		readAll(t, res)
		if res.StatusCode != http.StatusOK {
			t.Errorf("status %d", res.StatusCode)
		}
		f.recorded(t, http.StatusOK)
	})
	t.Run("after its response", func(t *testing.T) {
		t.Parallel()
		f := newFront(t, func(c *proxytest.Peer) {
			c.Head()
			c.Send("HTTP/1.1 200 OK\nContent-Length: 5\n\n")
			time.Sleep(limit + 5*soon)
			c.Send("early")
		})
		c := proxytest.Dial(t, f.address)
		c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: 16777216\n\n")
		go func() { _, _ = c.Write(content) }() // it ends with the connection
		if got := c.Rest(); !strings.HasPrefix(got, "HTTP/1.1 200 ") || !strings.HasSuffix(got, "early") {
			t.Errorf("got %q", got)
		}
		f.recorded(t, http.StatusOK)
	})
}
