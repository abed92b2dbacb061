//go:build linux

package fast

import (
	"net"
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestListeners: an engine serves several listeners, at once and in turn.
func TestListeners(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{}, server(t, echo))
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error, 1)
		go func() { served <- f.Serve(l) }()
		for _, address := range []string{l.Addr().String(), f.address} {
			c := proxytest.Dial(t, address)
			c.Send("GET / HTTP/1.1\nHost: a\n\n")
			if code, _ := c.Response(t); code != 200 {
				t.Errorf("got %d", code)
			}
		}
		t.Cleanup(func() {
			if err := <-served; err != nil {
				t.Errorf("Serve: %v", err)
			}
		})
	}
	if err := f.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Serve(l); err != nil {
		t.Errorf("Serve after Shutdown: %v", err)
	}
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the listener is open")
	}
}

// TestLeave: connections stay open when their listener is left.
func TestLeave(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{}, server(t, echo))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- f.Serve(l) }()
	c := proxytest.Dial(t, l.Addr().String())
	for range 2 {
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		if code, _ := c.Response(t); code != 200 {
			t.Fatalf("got %d", code)
		}
		f.Leave(l)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if f.Leave(l) {
		t.Error("left twice")
	}
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the listener is open")
	}
}
