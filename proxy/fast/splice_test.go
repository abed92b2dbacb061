//go:build linux

package fast

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/proxytest"
	"github.com/dynlb/dynlb/proxy/settings"
)

// largeContent returns n bytes that differ from place to place.
func largeContent(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

// TestSplice: large content arrives as it was sent, through a pipe, and the
// connections are reused.
func TestSplice(t *testing.T) {
	t.Parallel()
	content := largeContent(9<<20 + 7)
	conns := make(chan struct{}, 16)
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		conns <- struct{}{}
		for c.FirstLine() != "" {
			c.Send(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n", len(content)))
			_, _ = c.Write(content)
		}
	}))
	c := proxytest.Dial(t, f.address)
	for range 3 {
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(res.Body)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("%d bytes, want %d and the same (%v)", len(got), len(content), err)
		}
		f.recorded(t, 200)
	}
	if len(conns) != 1 {
		t.Errorf("%d connections to the instance, want 1", len(conns))
	}
	spare := 0
	f.inWorkers(func(w *worker) { spare = w.loop.SparePipes() })
	if spare != 1 {
		t.Errorf("%d spare pipes, want the one that was used", spare)
	}
}

// TestSpliceBrokenOff: content that is cut short on one side is cut short on the
// other, and a pipe that still holds bytes is not reused.
func TestSpliceBrokenOff(t *testing.T) {
	t.Parallel()
	content := largeContent(4 << 20)
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		for c.FirstLine() != "" {
			c.Send(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n", 2*len(content)))
			_, _ = c.Write(content)
			return
		}
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	res, err := http.ReadResponse(c.R, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(res.Body); err == nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes, %v; want what was sent, and an error", len(got), err)
	}
	f.recorded(t, 502)

	gone := proxytest.Dial(t, f.address) // it takes nothing, and leaves
	gone.Send("GET / HTTP/1.1\nHost: a\n\n")
	if _, err := gone.R.Peek(1); err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	if code := <-f.records; code != 499 && code != 502 { // whichever end is seen first
		t.Errorf("recorded %d", code)
	}
	f.inWorkers(func(w *worker) {
		if n := w.loop.SparePipes(); n > 1 {
			t.Errorf("%d spare pipes, one of which held bytes", n)
		}
	})
}

// TestSpliceFrom checks that content of 64 KiB goes through a pipe, and content of 16 KiB
// does not.
func TestSpliceFrom(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ size, pipes int }{{16 << 10, 0}, {64 << 10, 1}} {
		t.Run(fmt.Sprint(c.size), func(t *testing.T) {
			t.Parallel()
			content := largeContent(c.size)
			f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(p *proxytest.Peer) {
				for p.FirstLine() != "" {
					_, _ = p.Write(fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(content), content))
				}
			}))
			client := proxytest.Dial(t, f.address)
			for range 3 {
				client.Send("GET / HTTP/1.1\nHost: a\n\n")
				res, err := http.ReadResponse(client.R, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, content) {
					t.Fatalf("%d bytes, want %d and the same (%v)", len(got), len(content), err)
				}
				f.recorded(t, 200)
			}
			f.inWorkers(func(w *worker) {
				if n := w.loop.SparePipes(); n != c.pipes {
					t.Errorf("%d pipes, want %d", n, c.pipes)
				}
			})
		})
	}
}

// TestSplicePipesAreBounded: with few clients there are few pipes. Content for which
// there is none arrives as well.
func TestSplicePipesAreBounded(t *testing.T) {
	t.Parallel()
	content := largeContent(4 << 20)
	options := Options{Loops: 1, Settings: with(settings.Settings{MaxConnections: eventloop.ConnsPerPipe})}
	f := serve(t, options, proxytest.Script(t, func(c *proxytest.Peer) {
		for c.FirstLine() != "" {
			c.Send(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n", len(content)))
			_, _ = c.Write(content)
		}
	}))
	var responses []*http.Response
	for range eventloop.ConnsPerPipe {
		c := proxytest.Dial(t, f.address)
		c.Send("GET / HTTP/1.1\nHost: a\n\n")
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		responses = append(responses, res)
	}
	for _, res := range responses {
		if got, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes, want %d and the same (%v)", len(got), len(content), err)
		}
		f.recorded(t, 200)
	}
	f.inWorkers(func(w *worker) {
		if n := w.loop.SparePipes(); n != 1 {
			t.Errorf("%d pipes, want 1", n)
		}
	})
}
