package proxy_test

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// fragile is an instance that dies of a message on a tunnel, and of a request for /die.
// Requests for /work wait for its death.
type fragile struct {
	listener net.Listener
	resets   bool // its connections end with a reset
	arrived  chan struct{}
	died     chan struct{}
}

func newFragile(t testing.TB, resets bool) *fragile {
	t.Helper()
	i := &fragile{proxytest.Listen(t), resets, make(chan struct{}, 8), make(chan struct{})}
	proxytest.ScriptOn(t, i.listener, i.serve)
	return i
}

func (i *fragile) serve(c *proxytest.Peer) {
	head := c.Head()
	switch {
	case len(head) == 0: // it is to show that the instance is alive
		return
	case slices.Contains(head, "Upgrade: websocket"):
		c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\n")
		message := make([]byte, len("boom"))
		read := make(chan error, 1)
		go func() { // ends with the connection
			_, err := io.ReadFull(c.R, message)
			read <- err
		}()
		select {
		case err := <-read:
			if err == nil {
				i.die()
			}
		case <-i.died:
		}
	case strings.HasPrefix(head[0], "GET /die"):
		i.die()
	default:
		i.arrived <- struct{}{}
		<-i.died
	}
	if i.resets {
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
	}
}

// die ends the listener first, as the kernel often does, and then the connections.
func (i *fragile) die() {
	_ = i.listener.Close()
	close(i.died)
}

// ended reports the end of the instance, once the proxy has noticed, as the fleet does.
func (f *front) ended(t testing.TB) registry.Casualties {
	t.Helper()
	id := f.ids[0]
	for end := time.Now().Add(patience); f.registry.Casualties(id).Pending > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond) // the proxy reads that the connections broke
	}
	if err := f.registry.Ended(id, registry.Ending{Reason: "exit status 3", Own: true}); err != nil {
		t.Fatal(err)
	}
	return f.registry.Casualties(id)
}

// openTunnel opens a tunnel with the given version of HTTP.
func (f *front) openTunnel(t testing.TB, protocol string) io.ReadWriteCloser {
	t.Helper()
	if protocol == "http2" {
		return newWebSockets(t).stream(t, f.url+"/ws?query")
	}
	c := proxytest.Dial(t, f.address)
	c.Send("GET /ws?query HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n\n")
	if head := c.Head(); len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 101 ") {
		t.Fatalf("head %q", head)
	}
	return c
}

// TestTunnelCulprit checks that a message on a tunnel that ends the instance is named by
// the request that opened the tunnel, and that a request beside it goes to another
// instance.
func TestTunnelCulprit(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http1", "http2"} {
		for _, resets := range []bool{false, true} {
			for _, beside := range []bool{false, true} {
				name := protocol + map[bool]string{false: ", end", true: ", reset"}[resets] + map[bool]string{false: ", alone", true: ", beside a request"}[beside]
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					i := newFragile(t, resets)
					f := newProxy(t, setup{instances: []string{i.listener.Addr().String()}})
					tunnel := f.openTunnel(t, protocol)
					answer := make(chan *http.Response, 1)
					want := []string{"GET /ws (tunnel)"}
					if beside {
						go func() { answer <- get(t, newClient(t, "http1"), f.url+"/work") }() // ends with its response
						wait(t, i.arrived, "the request at the instance")
						addInstance(t, f.registry, server(t, echo))
						want = []string{"GET /work", "GET /ws (tunnel)"}
					}
					if _, err := io.WriteString(tunnel, "boom"); err != nil {
						t.Fatal(err)
					}
					wait(t, i.died, "the death of the instance")
					if lost := f.ended(t); !slices.Equal(lost.Named, want) || lost.InFlight != len(want) {
						t.Errorf("casualties %+v, want %q", lost, want)
					}
					if beside {
						res := wait(t, answer, "the response")
						readAll(t, res)
						if res.StatusCode != http.StatusOK {
							t.Errorf("the request beside the tunnel got %d, want 200", res.StatusCode)
						}
					}
					_, _ = io.ReadAll(tunnel) // it ends
					_ = tunnel.Close()
				})
			}
		}
	}
}

// TestCulpritBesideIdleTunnel checks that a tunnel on which nothing was sent lately does
// not make a lone request that ends its instance less of a culprit.
func TestCulpritBesideIdleTunnel(t *testing.T) {
	t.Parallel()
	i := newFragile(t, true)
	f := newProxy(t, setup{instances: []string{i.listener.Addr().String()}})
	tunnel := f.openTunnel(t, "http1")
	defer func() { _ = tunnel.Close() }()
	time.Sleep(1200 * time.Millisecond) // a tunnel counts for a second
	answer := make(chan *http.Response, 1)
	go func() { answer <- get(t, newClient(t, "http1"), f.url+"/die") }() // ends with its response
	wait(t, i.died, "the death of the instance")
	addInstance(t, f.registry, server(t, echo))
	if lost := f.ended(t); !slices.Equal(lost.Named, []string{"GET /die"}) || lost.InFlight != 1 {
		t.Errorf("casualties %+v, want GET /die", lost)
	}
	wantFault(t, wait(t, answer, "the response"), http.StatusBadGateway, "the instance ended while it worked on this request")
	if n := f.served()[1]; n != 0 {
		t.Errorf("another instance got %d requests", n)
	}
}

// TestAnsweredByEnd checks that a request is known whose response ended with its
// connection just before the instance ended, and that it counts for nothing else.
func TestAnsweredByEnd(t *testing.T) {
	t.Parallel()
	for _, protocol := range []string{"http1", "http2"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
				_ = c.Head()
				c.Send("HTTP/1.0 200 OK\n\nperhaps not all")
			})}})
			res := get(t, newClient(t, protocol), f.url+"/path?query")
			if body := readAll(t, res); body != "perhaps not all" {
				t.Errorf("got %q", body)
			}
			if lost := f.ended(t); !slices.Equal(lost.Named, []string{"GET /path"}) || lost.InFlight != 0 || !lost.Answered {
				t.Errorf("casualties %+v, want the answered GET /path", lost)
			}
			f.idle(t)
		})
	}
}
