//go:build linux

package fast

import (
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestHeldUp: an instance is not charged with time in which the loop was held up.
func TestHeldUp(t *testing.T) {
	if testing.Short() {
		t.Skip("takes long")
	}
	t.Parallel()
	const limit = time.Second
	arrived, release := make(chan struct{}), make(chan struct{})
	options := Options{Loops: 1, Router: within(limit)}
	f := serve(t, options, proxytest.Script(t, func(c *proxytest.Peer) {
		_ = c.FirstLine()
		close(arrived)
		<-release
		c.Send("HTTP/1.1 204 No Content\n\n")
		_ = c.Rest()
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	<-arrived
	f.inWorkers(func(*worker) { time.Sleep(limit + limit/4) })
	f.inWorkers(func(*worker) {}) // its timers had their turn
	close(release)
	if code, _ := c.Response(t); code != 204 {
		t.Errorf("got %d", code)
	}
}

// TestSparesAreBounded: memory that many clients needed for a moment is given back.
func TestSparesAreBounded(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, server(t, echo))
	proxytest.Dial(t, f.address).Send("GET / HTTP/1.1\nHost: a\n\n")
	f.recorded(t, 200) // there is a loop
	f.inWorkers(func(w *worker) {
		var heads []*http1.Request
		for range maxSpare + 10 {
			heads = append(heads, w.requestHead())
		}
		for _, head := range heads {
			w.dropRequestHead(head)
		}
		if n := len(w.requestHeads); n != maxSpare {
			t.Errorf("%d spare readers, want %d", n, maxSpare)
		}
	})
}

// TestDrainAfterEnd: a worker whose loop has ended is drained at once.
func TestDrainAfterEnd(t *testing.T) {
	t.Parallel()
	f := serve(t, Options{Loops: 1}, server(t, echo))
	proxytest.Dial(t, f.address).Send("GET / HTTP/1.1\nHost: a\n\n")
	f.recorded(t, 200) // there is a loop
	w := f.workers()[0]
	if err := f.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	drained := false
	w.drain(func() { drained = true })
	if !drained {
		t.Error("it is not drained")
	}
}
