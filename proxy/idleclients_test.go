package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// open reports whether the proxy leaves a connection open for a moment.
func (c *rawConn) open() bool {
	_ = c.SetReadDeadline(time.Now().Add(soon))
	_, err := c.r.Peek(1)
	_ = c.SetReadDeadline(time.Now().Add(patience))
	return err != nil && err != io.EOF
}

// TestIdleMakesRoom checks that at the limit the connection that has been idle the
// longest is closed for a new client, which does not wait, and that no other is.
func TestIdleMakesRoom(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(3)})
	var conns []*rawConn
	for range 3 {
		conns = append(conns, dial(t, f.address))
	}
	for _, i := range []int{1, 0, 2} { // which makes 1 the one that was idle first
		if !conns[i].served(patience) {
			t.Fatal("no response within the limit")
		}
		time.Sleep(soon / 10) // nothing notifies that it is idle
	}
	busy := conns[0]
	busy.send(half)
	for i, closed := range []*rawConn{conns[1], conns[2]} {
		began := time.Now()
		c := dial(t, f.address)
		if !c.served(patience) {
			t.Fatalf("client %d: no response", i)
		}
		if took := time.Since(began); took > patience/4 {
			t.Errorf("client %d waited %v", i, took)
		}
		if closed.open() {
			t.Errorf("client %d: the connection that was idle the longest is open", i)
		}
		c.send(half)
	}
	busy.send("\n")
	if !busy.answered(patience) {
		t.Error("the busy connection was closed")
	}
}

// TestIdleStreamsMakeRoom checks that a connection of HTTP/2 without a stream is idle.
func TestIdleStreamsMakeRoom(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(1)})
	client := newClient(t, "http2")
	for range 3 {
		seen(t, get(t, client, f.url))
		if !dial(t, f.address).served(patience) {
			t.Fatal("no response while a connection of HTTP/2 is idle")
		}
	}
	client.CloseIdleConnections()
}

// TestIdleUnusedMakesRoom checks that clients that connect and send nothing do not lock
// others out.
func TestIdleUnusedMakesRoom(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(8)})
	for range 16 {
		dial(t, f.address)
	}
	began := time.Now()
	for range 16 {
		if !dial(t, f.address).served(patience) {
			t.Fatal("no response")
		}
	}
	if took := time.Since(began); took > patience/2 { // idleTimeout is a minute
		t.Errorf("16 requests took %v", took)
	}
}

// TestKeepAliveMakesRoom checks that clients that send one request after the other share
// the places with those that wait: a response ends the connection when a client waits.
func TestKeepAliveMakesRoom(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{server(t, echo)}, options: connectionLimit(1)})
	one := dial(t, f.address)
	one.send(half)
	if !one.open() {
		t.Fatal("a connection within the limit was closed")
	}
	two := dial(t, f.address)
	two.send("GET / HTTP/1.1\nHost: a\n\n")
	if two.answered(soon) {
		t.Error("a response beyond the limit")
	}
	one.send("\n")
	res, err := http.ReadResponse(one.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body := readAll(t, res); !res.Close || !strings.Contains(body, "GET") {
		t.Errorf("close %v, %q", res.Close, body)
	}
	_ = one.Close()
	if !two.answered(patience) {
		t.Error("no response though the other client has left")
	}
}
