package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"
)

// TestConnectionsAreBounded: a connection beyond maxConnections waits until another
// one is closed.
func TestConnectionsAreBounded(t *testing.T) {
	t.Parallel()
	p := start(t)
	for _, address := range []string{p.grpcAddress(), p.httpAddress()} {
		var open []net.Conn
		for range maxConnections {
			open = append(open, connect(t, address))
		}
		one := connect(t, address)
		fmt.Fprintf(one, "GET /healthz HTTP/1.0\r\n\r\n")
		one.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if n, err := one.Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a connection beyond the limit was served: %v", err)
		}
		open[0].Close()
		one.SetReadDeadline(time.Now().Add(30 * time.Second))
		if _, err := one.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("a free place was not used")
		}
		for _, conn := range open {
			conn.Close()
		}
	}
}

// TestBoundedListenerCloses: Close ends an Accept that waits for a place.
func TestBoundedListenerCloses(t *testing.T) {
	t.Parallel()
	b := newBoundedListener(listen(t))
	for range maxConnections {
		b.places <- struct{}{}
	}
	accepted := make(chan error, 1)
	go func() { // ends with Close
		_, err := b.Accept()
		accepted <- err
	}()
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept = %v, want net.ErrClosed", err)
	}
}
