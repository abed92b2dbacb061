package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestIdleStreamsAreNoLoad checks that 60 WebSockets and 30 readers of events in which
// nothing moves are no load, take no place of other requests, and spread evenly.
func TestIdleStreamsAreNoLoad(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		n                 int
		request, response string
	}{
		"WebSocket": {
			60, "GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\n",
			"HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\n",
		},
		"events": {
			30, "GET / HTTP/1.1\nHost: a\nAccept: text/event-stream\n\n",
			"HTTP/1.1 200 OK\nContent-Type: text/event-stream\nTransfer-Encoding: chunked\n\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			instance := func(conn *proxytest.Peer) {
				head := conn.Head()
				if len(head) == 0 || strings.Contains(head[0], "/work") {
					conn.Send("HTTP/1.1 200 OK\nConnection: close\nContent-Length: 0\n\n")
					return
				}
				conn.Send(c.response)
				conn.WaitClosed()
			}
			f := newProxy(t, setup{
				queue:     registry.Options{MaxConcurrency: 4, QueueLimit: 4, QueueTimeout: patience / 4},
				instances: []string{proxytest.Script(t, instance), proxytest.Script(t, instance)},
			})
			for range c.n {
				client := proxytest.Dial(t, f.address)
				t.Cleanup(client.Reset)
				client.Send(c.request)
				if head := client.Head(); len(head) == 0 || strings.Contains(head[0], " 503") {
					t.Fatalf("a stream got %q", head)
				}
			}
			for range 8 {
				res := get(t, newClient(t, "http1"), f.url+"/work")
				readAll(t, res)
				if res.StatusCode != http.StatusOK {
					t.Fatalf("another request got %d", res.StatusCode)
				}
			}
			f.streams(t, c.n/2)
		})
	}
}

// streams checks that each instance has that many streams, no other requests, and no load
// but that of the response times on a busy machine.
func (f *front) streams(t *testing.T, each int) {
	t.Helper()
	for _, in := range f.registry.Snapshot().Instances {
		if in.Streams != each || in.InFlight != each || in.Load > 1 {
			t.Errorf("%d streams, %d in flight, load %v; want %d streams and no load but that of the response times", in.Streams, in.InFlight, in.Load, each)
		}
	}
}

// TestBusyStreamsAreLoad checks that the bytes of streams count.
func TestBusyStreamsAreLoad(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	for name, response := range map[string]string{
		"tunnel": "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\n",
		"events": "HTTP/1.1 200 OK\nContent-Type: text/event-stream\n\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
				c.Head()
				c.Send(response)
				_, _ = c.Write(make([]byte, size))
				c.WaitClosed()
			})}})
			client := proxytest.Dial(t, f.address)
			t.Cleanup(client.Reset)
			client.Send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\n\n")
			client.Head()
			f.registry.Snapshot() // the rate is that since the last snapshot
			if _, err := io.CopyN(io.Discard, client.R, size); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * soon)
			if in := f.registry.Snapshot().Instances[0]; in.Streams != 1 || in.Load < 0.1 {
				t.Errorf("%d streams, load %v", in.Streams, in.Load)
			}
		})
	}
}
