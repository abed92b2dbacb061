package daemon_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// stream is a response without an end.
type stream struct {
	port string       // of its instance
	tick func() error // waits for the next event
	end  func()
}

// openEvents opens a stream of server-sent events.
func openEvents(t *testing.T, r *daemontest.Running) *stream {
	t.Helper()
	response, err := http.Get(r.URL + "/sse?ms=20")
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(response.Body)
	s := &stream{end: func() { response.Body.Close() }}
	s.tick = func() error {
		line, err := lines.ReadString('\n')
		if _, port, ok := strings.Cut(strings.TrimSpace(line), "from port "); ok {
			s.port = port
		}
		return err
	}
	if err := s.tick(); err != nil {
		t.Fatal(err)
	}
	return s
}

// dialSockets opens two WebSockets.
func dialSockets(ctx context.Context, t *testing.T, r *daemontest.Running) []*websocket.Conn {
	t.Helper()
	var sockets []*websocket.Conn
	for range 2 {
		conn, _, err := websocket.Dial(ctx, strings.Replace(r.URL, "http", "ws", 1)+"/ws", nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.CloseNow() })
		sockets = append(sockets, conn)
	}
	return sockets
}

// drainOne scales from two instances to one, and returns the address of the one that
// drains.
func drainOne(ctx context.Context, t *testing.T, r *daemontest.Running) (address string) {
	t.Helper()
	one := int32(1)
	if _, err := r.Client.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: &one}); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "one draining", func() bool {
		for _, in := range r.Pool().GetInstances() {
			if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_DRAINING {
				address = in.GetAddress()
				return true
			}
		}
		return false
	})
	return address
}

// countOpen returns how many sockets answer. The others must have ended with 1001.
func countOpen(ctx context.Context, t *testing.T, sockets []*websocket.Conn) (open int) {
	t.Helper()
	for _, conn := range sockets {
		err := conn.Write(ctx, websocket.MessageText, []byte("hello"))
		if err != nil {
			continue // dynlb has closed it
		}
		if _, _, err = conn.Read(ctx); err == nil {
			open++
		} else if websocket.CloseStatus(err) != websocket.StatusGoingAway {
			t.Errorf("a WebSocket ended with %v, want 1001", err)
		}
	}
	return open
}

// TestDrainGivesStreamsTheirTime: event streams and WebSockets of an instance that
// drains last until drainTimeout and then end cleanly. Those of others go on.
func TestDrainGivesStreamsTheirTime(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	yaml := strings.Replace(daemontest.Original(t), "idleTimeout: 1000", "idleTimeout: 1h", 1) + "drainTimeout: 2s\n"
	r := daemontest.Start(t, strings.Replace(yaml, "minInstances: 2", "minInstances: 1", 1))
	ctx, cancel := context.WithTimeout(t.Context(), daemontest.Within)
	defer cancel()
	two := int32(2)
	if _, err := r.Client.ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: &two}); err != nil {
		t.Fatal(err)
	}
	r.AwaitReady(2)
	// The streams go to the two instances in turn, as do the WebSockets after them.
	first, second := openEvents(t, r), openEvents(t, r)
	defer first.end()
	defer second.end()
	if first.port == second.port {
		t.Fatalf("both streams come from %s", first.port)
	}
	sockets := dialSockets(ctx, t, r)
	for _, in := range r.Pool().GetInstances() {
		if in.GetInFlight() != 2 {
			t.Fatalf("%d in flight at %s, want an event stream and a WebSocket", in.GetInFlight(), in.GetAddress())
		}
	}
	begun := time.Now()
	ending, staying := first, second
	if strings.HasSuffix(drainOne(ctx, t, r), ":"+second.port) {
		ending, staying = second, first
	}
	var err error
	for err == nil {
		err = ending.tick()
	}
	if err != io.EOF { //nolint:errorlint // a clean end is the very value
		t.Errorf("the stream of the draining instance ended with %v, want io.EOF", err)
	}
	if took := time.Since(begun); took < 1900*time.Millisecond {
		t.Errorf("the stream ended after %v, before drainTimeout", took)
	}
	if open := countOpen(ctx, t, sockets); open != 1 {
		t.Errorf("%d WebSockets are open, want one of two", open)
	}
	for range 5 {
		if err := staying.tick(); err != nil {
			t.Fatalf("the stream of the other instance: %v", err)
		}
	}
	r.AwaitReady(1)
}
