//go:build linux

package fast

import "testing"

// TestHostless: an instance gets a Host field when the client named no host.
func TestHostless(t *testing.T) {
	t.Parallel()
	heads := make(chan string, 1)
	address := script(t, func(c *peer) {
		line, _ := c.r.ReadString('\n')
		host, _ := c.r.ReadString('\n')
		heads <- line + host
		c.head()
		c.send("HTTP/1.1 204 No Content\n\n")
	})
	f := serve(t, Options{}, address)
	c := dial(t, f.address)
	c.send("GET /x HTTP/1.0\n\n")
	if got, want := <-heads, "GET /x HTTP/1.1\r\nHost: "+address+"\r\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_ = c.rest()
}
