package fast

import (
	"bytes"
	"net/netip"

	"github.com/dynlb/dynlb/proxy/proxyproto"
)

// readName reads the header of the PROXY protocol from b, all that was received, and then
// the request behind it.
func (c *client) readName(b []byte) {
	h, n, err := proxyproto.Parse(b)
	switch {
	case err != nil:
		c.stayUnnamed(err)
		return
	case n == 0:
		c.awaitRest(b)
		return
	}
	c.unnamed = false
	if !h.Own {
		c.named, c.ip, c.network, c.port = true, "", 0, h.Client.Port()
		if h.Client.IsValid() {
			c.locate(h.Client.Addr().String())
		}
	}
	c.began = 0
	if c.worker.engine.secures(c.worker.engine.settings.Load()) {
		c.secureAfterName(b[n:])
		return
	}
	c.awaitWithin(c.worker.engine.settings.Load().HeadTimeout)
	c.Keep(b[n:])
	if c.Holds() {
		c.readHead(c.Held())
		return
	}
	c.worker.rest(c)
}

// secureAfterName has the TLS handshake follow, which begins with the bytes in rest.
func (c *client) secureAfterName(rest []byte) {
	rest = bytes.Clone(rest)
	c.DropHeld()
	c.enter(securing)
	c.awaitWithin(c.worker.engine.handshakeLimit())
	c.worker.rest(c)
	if len(rest) > 0 || c.Readable() {
		c.beginShake(rest)
	}
}

// stayUnnamed closes the connection of a proxy that does not name its client.
func (c *client) stayUnnamed(cause error) {
	e := c.worker.engine
	e.peers.Headless(e.log, c.ip, cause)
	c.close()
}

// address returns the client's, as net.Conn.RemoteAddr would.
func (c *client) address() string {
	if at := c.addrPort(); at.IsValid() {
		return at.String()
	}
	return "@"
}

// addrPort returns the client's address. It is not valid if the client has none.
func (c *client) addrPort() netip.AddrPort {
	ip, err := netip.ParseAddr(c.ip)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, c.port)
}
