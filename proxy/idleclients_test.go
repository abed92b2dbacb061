package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// open reports whether the proxy leaves a connection open for a moment.
func open(c *proxytest.Peer) bool {
	_ = c.SetReadDeadline(time.Now().Add(soon))
	_, err := c.R.Peek(1)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	return err != nil && err != io.EOF
}

// TestIdleMakesRoom checks that at the limit the connection that has been idle the
// longest is closed for a new client, which does not wait, and that no other is.
func TestIdleMakesRoom(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(3)})
	var conns []*proxytest.Peer
	for range 3 {
		conns = append(conns, proxytest.Dial(t, f.address))
	}
	for _, i := range []int{1, 0, 2} { // which makes 1 the one that was idle first
		if !serves(conns[i], patience) {
			t.Fatal("no response within the limit")
		}
		time.Sleep(soon / 10) // nothing notifies that it is idle
	}
	busy := conns[0]
	busy.Send(half)
	for i, closed := range []*proxytest.Peer{conns[1], conns[2]} {
		c := proxytest.Dial(t, f.address)
		if !serves(c, patience) {
			t.Fatalf("client %d: no response", i)
		}
		if open(closed) {
			t.Errorf("client %d: the connection that was idle the longest is open", i)
		}
		c.Send(half)
	}
	busy.Send("\n")
	if !answers(busy, patience) {
		t.Error("the busy connection was closed")
	}
}

// TestIdleStreamsMakeRoom checks that a connection of HTTP/2 without a stream is idle.
func TestIdleStreamsMakeRoom(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(1)})
	client := newClient(t, "http2")
	for range 3 {
		seen(t, get(t, client, f.url))
		if !serves(proxytest.Dial(t, f.address), patience) {
			t.Fatal("no response while a connection of HTTP/2 is idle")
		}
	}
	client.CloseIdleConnections()
}

// TestIdleUnusedMakesRoom checks that clients that connect and send nothing do not lock
// others out, though they would have an hour for their requests.
func TestIdleUnusedMakesRoom(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(8)})
	for range 16 {
		proxytest.Dial(t, f.address)
	}
	for i := range 16 {
		if !serves(proxytest.Dial(t, f.address), patience) {
			t.Fatalf("client %d: no response", i)
		}
	}
}

// TestKeepAliveMakesRoom checks that clients that send one request after the other share
// the places with those that wait: a response ends the connection when a client waits.
func TestKeepAliveMakesRoom(t *testing.T) {
	plainOnly(t)
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(1)})
	one := proxytest.Dial(t, f.address)
	one.Send(half)
	if !open(one) {
		t.Fatal("a connection within the limit was closed")
	}
	two := proxytest.Dial(t, f.address)
	two.Send("GET / HTTP/1.1\nHost: a\n\n")
	if answers(two, soon) {
		t.Error("a response beyond the limit")
	}
	one.Send("\n")
	res, err := http.ReadResponse(one.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); !res.Close || !strings.Contains(body, "GET") {
		t.Errorf("close %v, %q", res.Close, body)
	}
	_ = one.Close()
	if !answers(two, patience) {
		t.Error("no response though the other client has left")
	}
}
