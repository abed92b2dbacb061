//go:build linux

package fast

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestSlowReaderOfAPipe: a client that takes nothing of what is in the pipe gets a
// deadline for that, in place of any other.
func TestSlowReaderOfAPipe(t *testing.T) {
	t.Parallel()
	content := largeContent(32 << 20) // more than the kernels take
	f := serve(t, Options{Loops: 1}, proxytest.Script(t, func(c *proxytest.Peer) {
		_ = c.FirstLine()
		c.Send(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n", len(content)))
		_, _ = c.Write(content)
	}))
	c := proxytest.Dial(t, f.address)
	c.Send("GET / HTTP/1.1\nHost: a\n\n")
	_ = c.FirstLine()
	taken := int64(0)
	for stuck := false; !stuck; time.Sleep(time.Millisecond) {
		emptied := false
		f.inWorkers(func(w *worker) {
			for _, c := range w.clients(exchanging) {
				s := &c.request.response
				if s.pipe == nil || s.pipe.Len() == 0 || c.Writable() {
					continue
				}
				n := s.pipe.Len()
				c.Progressed()
				c.Within(time.Second)
				_, _ = s.drainPipe()
				if stuck = s.pipe.Len() == n; stuck && !c.Stalling() {
					t.Error("it is not stalling")
				}
				emptied = s.pipe.Len() == 0
				c.Later()
			}
		})
		if emptied { // the socket had room that the loop is not told of before the client reads
			n, err := io.CopyN(io.Discard, c.R, 1<<20)
			if taken += n; err != nil {
				t.Fatal(err)
			}
		}
	}
	left := int64(len(content)) - taken
	if n, err := io.CopyN(io.Discard, c.R, left); n != left {
		t.Errorf("%d bytes of %d, %v", n, left, err)
	}
}
