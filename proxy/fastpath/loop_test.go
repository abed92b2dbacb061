//go:build linux

package fastpath

import (
	"testing"
	"time"
)

// TestHeldUp: time in which a loop was held up is not taken from an instance.
func TestHeldUp(t *testing.T) {
	const limit = time.Second
	arrived, release := make(chan struct{}), make(chan struct{})
	options := Options{Loops: 1}
	options.Settings.RequestTimeout = limit
	f := serve(t, options, script(t, func(c *peer) {
		_ = c.head()
		close(arrived)
		<-release
		c.send("HTTP/1.1 204 No Content\n\n")
		_ = c.rest()
	}))
	c := dial(t, f.address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	<-arrived
	f.inLoops(func(*loop) { time.Sleep(limit + limit/4) })
	f.inLoops(func(*loop) {}) // it has looked at its timers
	close(release)
	if code, _ := c.response(t); code != 204 {
		t.Errorf("got %d", code)
	}
}

// TestSparesAreBounded: what many clients needed for a moment is not kept for ever.
func TestSparesAreBounded(t *testing.T) {
	f := serve(t, Options{Loops: 1}, server(t, echo))
	dial(t, f.address).send("GET / HTTP/1.1\nHost: a\n\n")
	f.recorded(t, 200) // there is a loop
	f.inLoops(func(l *loop) {
		var conns []*conn
		for range spares + 10 {
			conns = append(conns, &conn{loop: l, request: l.newRequest()})
		}
		for _, c := range conns {
			c.dropRequest()
		}
		if n := len(l.requests); n != spares {
			t.Errorf("%d spare readers, want %d", n, spares)
		}
	})
}

// TestEndTells: who asks to be told when a loop is drained is told, though the loop
// ends without having read that.
func TestEndTells(t *testing.T) {
	f := serve(t, Options{Loops: 1}, server(t, echo))
	l, err := newLoop(f.Engine)
	if err != nil {
		t.Fatal(err)
	}
	told := false
	l.inbox.post(note{do: func() { l.drain(func() { told = true }) }})
	l.end()
	if !told {
		t.Error("not told")
	}
}
