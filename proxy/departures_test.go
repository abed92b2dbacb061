package proxy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// tellTale is an instance that reports when the proxy closes connections. A response to
// /slow waits for release.
type tellTale struct {
	address               string
	opened, asked, closed chan struct{}
	release               chan struct{}
}

func newTellTale(t *testing.T) *tellTale {
	s := &tellTale{
		opened: make(chan struct{}, 16), asked: make(chan struct{}, 16),
		closed: make(chan struct{}, 16), release: make(chan struct{}),
	}
	s.address = proxytest.Script(t, func(c *proxytest.Peer) {
		s.opened <- struct{}{}
		for head := c.Head(); head != nil; head = c.Head() {
			s.asked <- struct{}{}
			if strings.Contains(head[0], "/slow") {
				<-s.release
			}
			c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		}
		s.closed <- struct{}{}
	})
	return s
}

// open fails the test if the proxy has closed a connection.
func (s *tellTale) open(t *testing.T) {
	t.Helper()
	select {
	case <-s.closed:
		t.Error("a connection was closed")
	default:
	}
}

// TestDepartureClosesIdle checks that the idle connections to an instance are closed
// when it leaves service, for any reason: its graceful stop would wait for them.
func TestDepartureClosesIdle(t *testing.T) {
	t.Parallel()
	for _, state := range []registry.State{registry.Draining, registry.Unhealthy, registry.Stopped} {
		t.Run(state.String(), func(t *testing.T) {
			t.Parallel()
			leaves, stays := newTellTale(t), newTellTale(t)
			f := newProxy(t, setup{instances: []string{leaves.address, stays.address}})
			client := newClient(t, "http1")
			readAll(t, get(t, client, f.url))
			lease, err := f.registry.Acquire(t.Context(), registry.Preference{}) // so that the other one is asked next
			if err != nil {
				t.Fatal(err)
			}
			readAll(t, get(t, client, f.url))
			lease.Release()
			if err := f.registry.Transition(f.ids[0], state, "test"); err != nil {
				t.Fatal(err)
			}
			wait(t, leaves.closed, "close") // policy.StaleAfter would do it too, but in 4 s
			readAll(t, get(t, client, f.url))
			stays.open(t)
			if n := len(stays.opened); n != 1 {
				t.Errorf("%d connections to the instance that stays, want 1", n)
			}
		})
	}
}

// TestDepartureIsPrompt checks that this does not take as long as policy.StaleAfter, after
// which idle connections are closed anyway.
func TestDepartureIsPrompt(t *testing.T) {
	t.Parallel()
	s := newTellTale(t)
	f := newProxy(t, setup{instances: []string{s.address}})
	readAll(t, get(t, newClient(t, "http1"), f.url))
	f.recorded(t, 200)
	began := f.registry.Snapshot().Time
	if _, err := f.registry.Drain(f.ids[0], "test"); err != nil {
		t.Fatal(err)
	}
	wait(t, s.closed, "close")
	if took := f.registry.Snapshot().Time.Sub(began); took >= policy.StaleAfter {
		t.Errorf("took %v", took)
	}
}

// TestDepartureClosesBusyAfterwards checks that a request in flight gets its response,
// and that its connection is closed then.
func TestDepartureClosesBusyAfterwards(t *testing.T) {
	t.Parallel()
	s := newTellTale(t)
	f := newProxy(t, setup{instances: []string{s.address}})
	client := newClient(t, "http1")
	readAll(t, get(t, client, f.url)) // makes the idle connection that is closed first
	wait(t, s.asked, "request")
	answers := make(chan string, 1)
	go func() { answers <- readAll(t, get(t, client, f.url+"/slow")) }()
	wait(t, s.asked, "slow request")
	other, err := f.registry.Acquire(t.Context(), registry.Preference{})
	if err != nil {
		t.Fatal(err)
	}
	drained, err := f.registry.Drain(f.ids[0], "test")
	if err != nil {
		t.Fatal(err)
	}
	other.Release()
	f.departed(t)
	close(s.release)
	if got := wait(t, answers, "response"); got != "ok" {
		t.Errorf("got %q", got)
	}
	wait(t, drained, "drain")
	wait(t, s.closed, "close")

	if err := f.registry.Transition(f.ids[0], registry.Ready, "taken back"); err != nil {
		t.Fatal(err)
	}
	f.proxy.TrustEndpoint(endpointOf(s.address)) // which was forgotten
	for range 3 {
		readAll(t, get(t, client, f.url))
	}
	if n := len(s.opened); n != 2 {
		t.Errorf("%d connections, want one more after it was taken back", n)
	}
}

// departed returns when the proxy has followed all changes of the registry so far: it has
// another instance leave, and waits until the idle connection to that one is closed.
func (f *front) departed(t *testing.T) {
	t.Helper()
	s := newTellTale(t)
	id := addInstance(t, f.registry, s.address)
	readAll(t, get(t, newClient(t, "http1"), f.url))
	if err := f.registry.Transition(id, registry.Stopped, "test"); err != nil {
		t.Fatal(err)
	}
	wait(t, s.closed, "close")
}

// TestDrainSparesStreams checks that events and WebSockets of an instance that drains
// go on, and count as in flight until they end.
func TestDrainSparesStreams(t *testing.T) {
	t.Parallel()
	h := newChatter(t)
	f := newProxy(t, setup{instances: []string{h}})
	ws := dialWebSocket(t, f)
	events := get(t, newClient(t, "http1"), f.url+"/sse")
	stream := get(t, newClient(t, "http2"), f.url+"/sse")
	drained, err := f.registry.Drain(f.ids[0], "test")
	if err != nil {
		t.Fatal(err)
	}
	f.departed(t)
	if n := f.inFlight(); n != 3 {
		t.Errorf("%d in flight, want 3", n)
	}
	for range 3 {
		if err := ws.Write(t.Context(), websocket.MessageText, []byte("hi")); err != nil {
			t.Fatal(err)
		}
		if _, b, err := ws.Read(t.Context()); err != nil || string(b) != "hi" {
			t.Fatalf("WebSocket: %q, %v", b, err)
		}
		for _, res := range []*http.Response{events, stream} {
			b := make([]byte, len("data: x\n\n"))
			if _, err := io.ReadFull(res.Body, b); err != nil {
				t.Fatalf("events: %v", err)
			}
		}
	}
	select {
	case <-drained:
		t.Fatal("drained with streams open")
	default:
	}
	_ = ws.Close(websocket.StatusNormalClosure, "")
	_ = events.Body.Close()
	_ = stream.Body.Close()
	wait(t, drained, "drain")
	f.idle(t)
}

// newChatter is an instance that echoes on /ws, and sends events on /sse.
func newChatter(t *testing.T) string {
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/ws" {
			w.Header().Set("Content-Type", "text/event-stream")
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, "data: x\n\n"); err != nil {
					return
				}
				_ = http.NewResponseController(w).Flush()
			}
			return
		}
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.CloseNow() }()
		for ctx := context.WithoutCancel(r.Context()); ; {
			kind, b, err := c.Read(ctx)
			if err != nil {
				return
			}
			if err := c.Write(ctx, kind, b); err != nil {
				return
			}
		}
	})
}
