//go:build linux

package fast

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestTunnelReset: a tunnel ends when a peer that has ended its output resets the
// connection, although the other side is silent.
func TestTunnelReset(t *testing.T) {
	t.Parallel()
	for _, side := range []string{"client", "instance"} {
		t.Run(side, func(t *testing.T) {
			gone := make(chan struct{})
			reset := func(c *proxytest.Peer) {
				c.CloseWrite()
				<-gone // its end has arrived
				_ = c.Conn.(*net.TCPConn).SetLinger(0)
				_ = c.Close()
			}
			stay := func(c *proxytest.Peer) {
				_, _ = io.Copy(io.Discard, c.R)
				close(gone)
			}
			ended := make(chan struct{})
			f := serve(t, Options{}, proxytest.Script(t, func(c *proxytest.Peer) {
				c.FirstLine()
				c.Send("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: x\n\n")
				if side == "instance" {
					reset(c)
				} else {
					stay(c)
					<-ended
				}
			}))
			defer close(ended)
			c := proxytest.Dial(t, f.address)
			c.Send("GET / HTTP/1.1\nHost: a\nConnection: Upgrade\nUpgrade: x\n\n")
			c.FirstLine()
			if side == "instance" {
				stay(c)
			} else {
				reset(c)
			}
			for deadline := time.Now().Add(5 * time.Second); f.inFlight() > 0; time.Sleep(time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("the tunnel stays")
				}
			}
		})
	}
}
