package proxy_test

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestUpgradeOfPost checks that the 101 to a POST without content gets no Content-Length
// (RFC 9110, 8.6), and that the instance gets all the protocols that the client offers.
func TestUpgradeOfPost(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"POST", "GET"} {
		f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
			if head := c.Head(); !slices.Contains(head, "Upgrade: websocket, foo") {
				t.Errorf("%s: instance got %q", method, head)
			}
			c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: foo\n\nhello")
			c.WaitClosed()
		})}})
		c := proxytest.Dial(t, f.address)
		length := ""
		if method == "POST" {
			length = "Content-Length: 0\n"
		}
		c.Send(method + " / HTTP/1.1\nHost: a\n" + length + "Connection: Upgrade\nUpgrade: websocket, foo\n\n")
		head := c.Head()
		if len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 101 ") || !slices.Contains(head, "Upgrade: foo") ||
			slices.ContainsFunc(head, func(l string) bool { return strings.HasPrefix(l, "Content-Length") }) {
			t.Errorf("%s: client got %q", method, head)
		}
		hello := make([]byte, 5)
		if _, err := io.ReadFull(c.R, hello); err != nil || string(hello) != "hello" {
			t.Errorf("%s: then %q, %v", method, hello, err)
		}
		_ = c.Close()
	}
}

// TestUpgradeRequired checks that a 426 reaches the client with its Upgrade, and that the
// connection serves another request.
func TestUpgradeRequired(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		for c.Head() != nil {
			c.Send("HTTP/1.1 426 Upgrade Required\nConnection: Upgrade\nUpgrade: foo/2, bar\nContent-Length: 0\n\n")
		}
	})}})
	c := proxytest.Dial(t, f.address)
	for range 2 {
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		head := c.Head()
		if len(head) == 0 || !strings.HasPrefix(head[0], "HTTP/1.1 426 ") ||
			!slices.Contains(head, "Upgrade: foo/2, bar") || !slices.Contains(head, "Connection: Upgrade") {
			t.Errorf("client got %q", head)
		}
	}
}

// TestContinueLearned checks that only the first client waits for an instance that never
// asks for content.
func TestContinueLearned(t *testing.T) {
	t.Parallel()
	f := newProxy(t, setup{instances: []string{proxytest.Script(t, func(c *proxytest.Peer) {
		for read3(c) {
			c.Send("HTTP/1.1 200 OK\nContent-Length: 0\n\n")
		}
	})}})
	c := proxytest.Dial(t, f.address)
	var waits []time.Duration
	for range 4 {
		began := time.Now()
		c.Send("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3\n\n")
		if head := c.Head(); len(head) != 1 || head[0] != "HTTP/1.1 100 Continue" {
			t.Fatalf("got %q", head)
		}
		waits = append(waits, time.Since(began))
		c.Send("abc")
		if head := c.Head(); len(head) == 0 || head[0] != "HTTP/1.1 200 OK" {
			t.Errorf("got %q", head)
		}
	}
	// A busy machine may hold up one of them.
	late := func(took time.Duration) bool { return took >= policy.ContinueTimeout/2 }
	if n := len(slices.DeleteFunc(slices.Clone(waits[1:]), func(took time.Duration) bool { return !late(took) })); !late(waits[0]) || n > 1 {
		t.Errorf("the requests waited %v", waits)
	}
}
