package fast

import (
	"bytes"
	"net"

	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/proxyproto"
)

// handOver gives the connection away, with b: all bytes that were read and not used.
func (c *client) handOver(b []byte) {
	e := c.worker.engine
	unread := bytes.Clone(b)
	var done *handshake.Done
	if c.IsSecure() {
		done = &handshake.Done{TLS: c.TLS(), Wire: c.wire}
		done.Unread, done.Unsent = c.Unsecure()
	}
	conn, closed, err := c.Detach()
	if err != nil {
		e.log.Warn("hand connection over failed", "cause", err)
		c.close()
		return
	}
	c.enter(clientClosed)
	c.wake()
	c.dropHead()
	if tcp, ok := conn.(*net.TCPConn); ok && c.named {
		named := &proxyproto.Conn{TCPConn: tcp}
		named.SetClient(c.addrPort())
		conn = named
	}
	if done != nil {
		done.Conn = conn
		conn = done
	}
	e.handover(conn, unread, closed)
}

// dropHead gives the reader of the head back.
func (c *client) dropHead() {
	if c.head != nil {
		c.worker.dropRequestHead(c.head)
		c.head = nil
	}
}
