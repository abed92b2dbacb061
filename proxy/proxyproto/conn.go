package proxyproto

import (
	"net"
	"net/netip"
	"sync/atomic"
)

// Conn is a connection from a proxy. It shows the address of the proxy's client once
// that is known. All else is that of the connection.
type Conn struct {
	*net.TCPConn
	client atomic.Pointer[net.Addr]
	unread []byte // what was read behind the header
}

// Unread has Read return b first. It is called once, before any other Read.
func (c *Conn) Unread(b []byte) { c.unread = b }

// Read reads from the connection.
func (c *Conn) Read(b []byte) (int, error) {
	if len(c.unread) > 0 {
		n := copy(b, c.unread)
		c.unread = c.unread[n:]
		return n, nil
	}
	return c.TCPConn.Read(b)
}

// SetClient sets the address that RemoteAddr returns. One that is not valid stands for a
// client without an address.
func (c *Conn) SetClient(at netip.AddrPort) {
	var address net.Addr = &net.UnixAddr{Net: "unix"}
	if at.IsValid() {
		address = net.TCPAddrFromAddrPort(at)
	}
	c.client.Store(&address)
}

// RemoteAddr returns the address of the client, or that of the proxy.
func (c *Conn) RemoteAddr() net.Addr {
	if client := c.client.Load(); client != nil {
		return *client
	}
	return c.TCPConn.RemoteAddr()
}
