//go:build linux

package fast

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestPipelineFair: of the requests that a client sends at once and that need no
// instance, a loop answers a few per turn, and it reads no further ahead than it
// must. It has the machine to itself: it needs thousands of turns.
func TestPipelineFair(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	f := serve(t, Options{Loops: 1})
	c := proxytest.Dial(t, f.address)
	const count = 20_000
	requests := strings.Repeat("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", count)
	first, turned := make(chan struct{}), make(chan struct{})
	l := f.group.Loops()[0]
	written, posted := make(chan struct{}), make(chan struct{})
	c.Send("TRACE / HTTP/1.1\nHost: a\n\n")
	if code, _ := c.Response(t); code != 405 {
		t.Fatalf("got %d", code)
	}
	f.recorded(t, 405)
	go func() {
		_, _ = io.WriteString(c, requests[:len(requests)/4])
		close(written)
		_, _ = io.WriteString(c, requests[len(requests)/4:])
	}()
	before, answered, ahead := 0, 0, 0
	l.Post(eventloop.Func(func() {
		before = len(f.records)
		close(first)
		select { // the kernel has it, or as much as it takes: the loop reads nothing
		case <-written:
		case <-time.After(time.Second):
		}
		<-posted
	}))
	<-first
	l.Post(eventloop.Func(func() { // one turn later
		answered = len(f.records) - before
		l.Conns(func(c *eventloop.Conn) { ahead = max(ahead, cap(c.Held())) })
		close(turned)
	}))
	close(posted)
	<-turned
	if answered > eventloop.MaxRounds {
		t.Errorf("%d requests of one client were answered in one turn", answered)
	}
	if limit := eventloop.ChunkSize + 4<<10; ahead > limit {
		t.Errorf("%d bytes were read ahead, want %d at most", ahead, limit)
	}
	for range count {
		if code, _ := c.Response(t); code != 405 {
			t.Fatalf("got %d", code)
		}
	}
}

// TestNewLimits: new limits apply to all requests that begin afterwards, even when a
// reader with the old limits was in use meanwhile.
func TestNewLimits(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, server(t, echo))
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	c.Response(t)
	c.Send("GET / HTTP/1.1\nHo")
	f.awaitRequest(t)
	s := *f.Engine.settings.Load()
	s.Limits = http1.Limits{Head: 1 << 10, Line: 1 << 10, Field: 1 << 10}
	f.configure(s)
	other := proxytest.Dial(t, f.address)
	other.Send("GET / HTTP/1.1\nHost: a\n\n") // which begins with the new limits
	if code, _ := other.Response(t); code != 200 {
		t.Fatalf("got %d", code)
	}
	c.Send("st: a\n\n")
	if code, _ := c.Response(t); code != 200 {
		t.Fatalf("got %d", code)
	}
	c.Send("GET / HTTP/1.1\nHost: a\nX-A: " + strings.Repeat("x", 500) + "\nX-B: " + strings.Repeat("x", 500) + "\n\n")
	if code, _ := c.Response(t); code != 431 {
		t.Errorf("got %d, want 431", code)
	}
}

// TestUnreadEnd: a client that has announced its last request gets the whole
// response, even if it sends more, which is not read.
func TestUnreadEnd(t *testing.T) {
	t.Parallel()
	asked, answer := make(chan struct{}), make(chan struct{})
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		c.FirstLine()
		asked <- struct{}{}
		<-answer
		c.Send("HTTP/1.1 200 OK\nContent-Length: 2\n\nok")
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\nConnection: close\n\n")
	<-asked
	c.Send("\n") // as some clients do (RFC 9112, 2.2)
	f.inWorkers(func(*worker) {})
	close(answer)
	if b, err := io.ReadAll(c); err != nil || !strings.HasSuffix(string(b), "ok") {
		t.Errorf("got %q and %v", b, err)
	}
}
