//go:build linux

package fastpath

import (
	"fmt"
	"io"
	"testing"
	"time"
)

// TestSlowReaderOfAPipe: a client that takes nothing of what is in the pipe gets its
// time for that, whatever else it was given a time for.
func TestSlowReaderOfAPipe(t *testing.T) {
	content := largeContent(32 << 20) // more than the kernels take
	f := serve(t, Options{Loops: 1}, script(t, func(c *peer) {
		_ = c.head()
		c.send(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n", len(content)))
		_, _ = c.Write(content)
	}))
	c := dial(t, f.address)
	c.send("GET / HTTP/1.1\nHost: a\n\n")
	_ = c.head()
	for stuck := false; !stuck; time.Sleep(time.Millisecond) {
		f.inLoops(func(l *loop) {
			for _, c := range l.table {
				if c == nil || c.state != exchanging || c.exchange.pipe == nil || c.exchange.pipe.n == 0 || c.ready&writable != 0 {
					continue
				}
				x, n := c.exchange, c.exchange.pipe.n
				c.stalling = false
				c.within(int64(time.Second))
				_, _ = x.drain()
				if stuck = x.pipe.n == n; stuck && !c.stalling {
					t.Error("it is not stalling")
				}
				l.later(c)
			}
		})
	}
	if n, err := io.CopyN(io.Discard, c.r, int64(len(content))); int(n) != len(content) {
		t.Errorf("%d bytes of %d, %v", n, len(content), err)
	}
}
