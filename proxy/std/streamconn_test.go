package std

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/settings"
)

// TestGoAwayAfterSettings checks that a client that is asked to leave before net/http has
// sent its SETTINGS gets them first (RFC 9113, 3.4).
func TestGoAwayAfterSettings(t *testing.T) {
	t.Parallel()
	here, client := net.Pipe()
	got := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(client)
		got <- string(all)
	}()
	l := newLane(t, settings.Settings{}, func(net.Conn) {})
	c := &streamConn{Conn: here, conn: newConn(l, here, false, func() {})}
	c.leaving.Store(true)
	c.ask()
	const settings = "\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	if _, err := io.WriteString(c, settings); err != nil {
		t.Fatal(err)
	}
	_ = here.Close()
	if sent := <-got; sent != settings+goAway {
		t.Errorf("sent %q", sent)
	}
}

// TestShutdownClosesUntracked checks that a shutdown closes a connection that net/http has
// accepted at this moment: its Close does not know of the connection yet.
func TestShutdownClosesUntracked(t *testing.T) {
	t.Parallel()
	l := newLane(t, settings.Settings{}, func(net.Conn) {})
	here, client := net.Pipe()
	closed := make(chan struct{})
	c := newConn(l, here, false, func() { close(closed) })
	l.clock.enter()
	l.running.add()
	l.streams.mu.Lock()
	l.streams.open[&streamConn{Conn: c.conn, conn: c}] = struct{}{}
	l.streams.mu.Unlock()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	go l.Shutdown(over)
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Error("the connection stayed open")
		c.close()
		l.running.end()
	}
	_ = client.Close()
}
