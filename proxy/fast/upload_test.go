//go:build linux

package fast

import (
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestUnsendable: an instance has answered early and takes no more content. The
// bytes behind the content are still the client's next request, whole and from its
// beginning.
func TestUnsendable(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		line := c.FirstLine()
		if strings.Contains(line, "/first") {
			asked <- struct{}{}
			<-answer
		}
		c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
		if strings.Contains(line, "/first") {
			answer <- struct{}{}
		}
		_ = c.Rest()
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("POST /first HTTP/1.1\nHost: a\nContent-Length: 3\n\n")
	<-asked
	const rest = "abcGET /second HTTP/1.1\nHost: a\n\n"
	f.inWorkers(func(w *worker) {
		for _, u := range w.upstreams(serving) {
			u.Socket().CloseWrite() // so nothing can be sent
		}
	})
	sending := f.exchanging(t)
	f.inWorkers(func(*worker) { // what comes meanwhile arrives in one turn, the content first
		c.Send(rest)
		await(sending, len(rest))
		answer <- struct{}{}
		<-answer
	})
	for _, path := range []string{"/first", "/second"} {
		if code, body := c.Response(t); code != 200 || body != "ok" {
			t.Errorf("%s: %d %q", path, code, body)
		}
	}
}

// TestContinueTwice: an instance that asks for the content twice gets no more time
// for its response.
func TestContinueTwice(t *testing.T) {
	t.Parallel()
	allSent := make(chan struct{})
	f := serve(t, Options{Loops: 1, Router: within(200 * time.Millisecond)}, proxytest.Script(t, func(c *proxytest.Peer) {
		c.FirstLine()
		c.Send("HTTP/1.1 100 Continue\n\n")
		_, _ = c.R.Discard(len("abc"))
		<-allSent
		c.Send("HTTP/1.1 100 Continue\n\n")
		_ = c.Rest()
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nExpect: 100-continue\nContent-Length: 3\n\n")
	if line := c.FirstLine(); line != "HTTP/1.1 100 Continue" {
		t.Fatalf("got %q", line)
	}
	c.Send("abc")
	for client, done := f.exchanging(t), false; !done; {
		f.inWorkers(func(*worker) { done = client.request == nil || client.request.sending == sendDone })
	}
	close(allSent)
	if code, _ := c.Response(t); code != 504 {
		t.Errorf("got %d, want 504", code)
	}
	f.recorded(t, 504)
}

// TestResetWhileSending: a response without a length is not whole when its instance
// has reset the connection, even if a write of content is what finds the reset.
func TestResetWhileSending(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		c.FirstLine()
		c.Send("HTTP/1.1 200 OK\n\nhalf")
		asked <- struct{}{}
		<-answer
		_ = c.Conn.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
		answer <- struct{}{}
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("POST / HTTP/1.1\nHost: a\nContent-Length: 3\n\n")
	<-asked
	if line := c.FirstLine(); line != "HTTP/1.1 200 OK" {
		t.Fatalf("got %q", line)
	}
	sending := f.exchanging(t)
	f.inWorkers(func(*worker) { // what comes meanwhile arrives in one turn, the content first
		c.Send("abc")
		await(sending, 3)
		answer <- struct{}{}
		<-answer
	})
	if rest := c.Rest(); strings.HasSuffix(rest, "0\r\n\r\n") {
		t.Errorf("got as a whole %q", rest)
	}
	f.recorded(t, 502)
}

// await waits until the kernel has n bytes for a connection.
func await(c *client, n int) {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if there, _ := unix.IoctlGetInt(int(c.Socket()), unix.TIOCINQ); there >= n {
			return
		}
	}
}

// TestClientRenewsNothing: the deadline by which an instance must take some content
// is not renewed when the client sends more, and ends when the instance takes some.
func TestClientRenewsNothing(t *testing.T) {
	t.Parallel()
	take := make(chan struct{})
	f := serve(t, Options{Loops: 1, Router: within(time.Minute)}, proxytest.Script(t, func(c *proxytest.Peer) {
		_ = c.FirstLine()
		<-take
		_ = c.Rest()
	}))
	c := proxytest.Dial(t, f.address)
	go func() {
		_, _ = c.Write(append([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n"), make([]byte, 64<<20)...))
	}()
	// at calls do with the instance's connection, once it has a deadline or has none.
	at := func(stuck bool, do func(u *upstream)) {
		done := false
		for give := time.Now().Add(20 * time.Second); !done; {
			f.inWorkers(func(w *worker) {
				for _, u := range w.upstreams(serving) {
					if (u.Deadline() > 0) == stuck {
						done = true
						do(u)
						return
					}
				}
			})
			if time.Now().After(give) {
				t.Fatalf("whether it has a deadline stays other than %v", stuck)
			}
		}
	}
	var began int64
	var waiting int
	at(true, func(u *upstream) { began, waiting = u.Deadline(), u.Waiting() })
	at(true, func(u *upstream) { // in a later turn
		u.request.clientReady()
		if u.Deadline() != began && u.Waiting() == waiting {
			t.Errorf("its deadline was renewed: %d ns later", u.Deadline()-began)
		}
	})
	close(take)
	at(false, func(*upstream) {})
}
