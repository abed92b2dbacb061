//go:build linux

package fast

import (
	"testing"

	"github.com/dynlb/dynlb/proxy/proxytest"
)

// TestHostless: an instance gets a Host field when the client named no host.
func TestHostless(t *testing.T) {
	t.Parallel()
	heads := make(chan string, 1)
	address := proxytest.Script(t, func(c *proxytest.Peer) {
		line, _ := c.R.ReadString('\n')
		host, _ := c.R.ReadString('\n')
		heads <- line + host
		c.FirstLine()
		c.Send("HTTP/1.1 204 No Content\n\n")
	})
	f := serve(t, Options{}, address)
	c := proxytest.Dial(t, f.address)
	c.Send("GET /x HTTP/1.0\n\n")
	if got, want := <-heads, "GET /x HTTP/1.1\r\nHost: "+address+"\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_ = c.Rest()
}
