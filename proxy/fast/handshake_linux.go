package fast

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/policy"
)

// shaking is a TLS handshake of a client, which a goroutine of its own does: it computes
// for up to a millisecond, and may wait for a certificate. It is the net.Conn on which the
// tls.Conn works meanwhile. The loop tells it when the socket may be ready, and the
// goroutine reads and writes without blocking, so it needs no descriptor of its own.
type shaking struct {
	client *client // for the loop only
	loop   *eventloop.Loop
	server *handshake.Server
	conn   *tls.Conn
	wire   *handshake.Wire
	peer   netip.AddrPort
	ctx    context.Context //nolint:containedctx // of the handshake, which this is
	cancel context.CancelFunc
	ready  chan struct{} // holds one when the socket may have become ready
	unread []byte        // read by the loop before
	out    []byte        // not written yet
	err    error         // what the handshake ended with; set before the loop gets it back

	mu     sync.Mutex // guards all below
	socket eventloop.Socket
	closed bool // the client's connection is closed: the socket is not used any more
}

// handshakeLimit returns how long a handshake may take.
func (e *Engine) handshakeLimit() time.Duration {
	return handshake.Limit(e.settings.Load().HeadTimeout)
}

// shake begins the handshake when the client has sent something, and lets it go on when
// the socket may be ready.
func (c *client) shake() {
	switch {
	case c.shaking != nil:
		c.shaking.wake()
	case c.Broken():
		c.close()
	case c.Readable():
		c.beginShake(nil)
	}
}

// beginShake begins the handshake. unread is what was read of it.
func (c *client) beginShake(unread []byte) {
	w := c.worker
	h := &shaking{
		client: c, loop: w.loop, server: w.engine.tls, peer: c.addrPort(), unread: unread,
		socket: c.Socket(), ready: make(chan struct{}, 1),
	}
	h.wire = &handshake.Wire{Conn: h}
	h.conn = h.server.Accept(h.wire)
	h.ctx, h.cancel = context.WithCancel(context.Background())
	c.shaking = h
	w.engine.shakers.do(h)
}

// run does the handshake, and gives the connection back to its loop.
func (h *shaking) run() {
	h.err = h.server.Shake(h.ctx, h.conn, h.wire)
	if h.err != nil || h.conn.ConnectionState().Version < tls.VersionTLS13 {
		if err := h.flush(); h.err == nil { // else the alert goes out or not
			h.err = err
		}
	}
	h.cancel()
	h.loop.Post(h) // unless it has ended
}

// wake tells the goroutine that the socket may be ready.
func (h *shaking) wake() {
	select {
	case h.ready <- struct{}{}:
	default: // it was told and has not looked yet
	}
}

// abandon ends the handshake: the loop closes the connection.
func (h *shaking) abandon() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.cancel()
}

// Run goes on with the connection. The loop calls it.
func (h *shaking) Run() {
	c := h.client
	if c.shaking != h {
		return // it was closed
	}
	defer c.worker.rescue(c, nil, nil)
	c.shaking = nil
	if h.err != nil {
		c.unshaken(h.err)
		return
	}
	h.wire.Conn = c.Secure(h.conn, h.out) // of TLS 1.3, the client waits for nothing of it
	c.wire = h.wire
	c.enter(awaiting)
	c.AssumeReadable() // the goroutine may have missed an event
	if h.conn.ConnectionState().NegotiatedProtocol == handshake.ProtocolHTTP2 {
		c.multiplex(nil)
		return
	}
	c.awaitWithin(c.worker.engine.settings.Load().HeadTimeout)
	c.worker.rest(c)
	c.await()
}

// unshaken ends a connection whose handshake has failed with err.
func (c *client) unshaken(err error) {
	if begun := handshake.PlainHTTP(err); begun != nil {
		c.refuse(begun, policy.ErrPlainHTTP)
		return
	}
	c.worker.engine.tls.Failed(err, c.address())
	c.close()
}

// handshakeExpired is called when the handshake takes too long to begin or to end.
func (c *client) handshakeExpired() {
	if c.shaking != nil && !c.worker.engine.group.Closing() {
		c.worker.engine.tls.Failed(handshake.SlowError(c.worker.engine.handshakeLimit()), c.address())
	}
	c.close()
}

// Read waits for bytes of the client, after those for it were sent.
func (h *shaking) Read(b []byte) (int, error) {
	if err := h.flush(); err != nil {
		return 0, err
	}
	if len(h.unread) > 0 {
		n := copy(b, h.unread)
		h.unread = h.unread[n:]
		return n, nil
	}
	for {
		n, errno := h.try(func() (int, syscall.Errno) { return h.socket.Read(b) })
		switch {
		case errno == syscall.EAGAIN:
			if err := h.wait(); err != nil {
				return 0, err
			}
		case errno != 0:
			return 0, errno
		case n == 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write keeps bytes for the client until the handshake waits for it or ends.
func (h *shaking) Write(b []byte) (int, error) {
	h.out = append(h.out, b...)
	return len(b), nil
}

// flush sends the bytes that were kept.
func (h *shaking) flush() error {
	for len(h.out) > 0 {
		n, errno := h.try(func() (int, syscall.Errno) { return h.socket.Write(h.out) })
		switch {
		case errno == syscall.EAGAIN:
			if err := h.wait(); err != nil {
				return err
			}
		case errno != 0:
			return errno
		default:
			h.out = h.out[n:]
		}
	}
	h.out = nil
	return nil
}

// try uses the socket, unless the connection is closed.
func (h *shaking) try(use func() (int, syscall.Errno)) (int, syscall.Errno) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return 0, syscall.EBADF
	}
	return use()
}

// wait waits until the socket may be ready. Meanwhile another handshake may compute.
func (h *shaking) wait() error {
	if place := h.wire.Place(); place != nil {
		place.Leave()
		defer place.Enter()
	}
	select {
	case <-h.ready:
		return nil
	case <-h.ctx.Done():
		return h.ctx.Err()
	}
}

// Close does nothing: the loop closes the connection.
func (h *shaking) Close() error { return nil }

// LocalAddr returns the address that the client has connected to.
func (h *shaking) LocalAddr() net.Addr {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return &net.TCPAddr{}
	}
	return net.TCPAddrFromAddrPort(h.socket.Local())
}

// RemoteAddr returns the address of the client.
func (h *shaking) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(h.peer) }

// SetDeadline, SetReadDeadline and SetWriteDeadline do nothing: the loop has the deadline.
func (h *shaking) SetDeadline(time.Time) error      { return nil }
func (h *shaking) SetReadDeadline(time.Time) error  { return nil }
func (h *shaking) SetWriteDeadline(time.Time) error { return nil }
