package fastpath

import (
	"bytes"
	"net/netip"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// tlsHandshake is the first byte of a ClientHello (RFC 8446, 5.1). No request
// begins with it.
const tlsHandshake = 0x16

// await is the state in which a client may send a request.
func (c *conn) await() {
	if c.ready&broken != 0 {
		c.close()
		return
	}
	if c.request == nil && !c.held.empty() { // it came in advance
		c.read(c.held.bytes())
	}
	for c.state == awaiting && !c.queued { // else a request was answered at once
		b, err := c.receive()
		switch {
		case err == nil:
			c.read(b)
		case err == errAgain: //nolint:errorlint // it is the very value
			return
		default:
			c.close()
		}
	}
}

// read reads the head of a request from b, all that was received of it.
func (c *conn) read(b []byte) {
	l := c.loop
	if !c.used && l.engine.options.Handover != nil {
		has, may := http1.HasPreface(b)
		if has || b[0] == tlsHandshake {
			c.handOver(b)
			return
		}
		if may {
			c.awaitRest(b)
			return
		}
	}
	if c.request == nil {
		l.configured()
		c.request = l.newRequest()
	}
	n, err := c.request.Parse(b)
	switch {
	case err != nil:
		c.refuse(b, err.(*http1.Error)) //nolint:errorlint // Parse returns no other
	case n == 0:
		c.awaitRest(b)
	default:
		c.begin(b, n)
	}
}

// awaitRest keeps what there is of a request. It must go on in time.
func (c *conn) awaitRest(b []byte) {
	c.keep(b)
	if c.began == 0 {
		c.began = c.loop.now
		c.within(int64(c.loop.settings.HeadTimeout))
	}
}

// awaitedLong is called when a request takes too long to come, or to arrive.
func (c *conn) awaitedLong() {
	if c.began == 0 {
		c.close()
		return
	}
	c.refuse(c.held.bytes(), policy.ErrSlowHead)
}

// begin begins the exchange for the request whose head are the first n bytes of
// b. What is there of its content is checked before a byte of it goes anywhere.
func (c *conn) begin(b []byte, n int) {
	l, r := c.loop, c.request
	content := r.Body()
	if r.Framing == http1.Chunked {
		check := content
		if _, err := check.Skip(b[n:]); err != nil {
			c.refuse(b, err.(*http1.Error)) //nolint:errorlint // Skip returns no other
			return
		}
	}
	if l.engine.isStatus(r) {
		c.handOver(b)
		return
	}
	c.used, c.began = true, 0
	c.timer.clear()
	x := l.newExchange(c)
	x.describe(r)
	if err := policy.Refused(r); err != nil {
		c.keep(b[n:])
		c.dropRequest()
		x.fail(err)
		return
	}
	x.writeRequest(r, n, b[n:])
	c.dropRequest()
	x.claim()
}

// lastCall takes the request that has arrived, if there is one, of a client that may
// not send another, and closes the connection otherwise.
func (c *conn) lastCall() {
	if !c.held.empty() || !c.fd.quiet() {
		c.ready |= readable
		c.step()
	}
	if c.state == awaiting {
		c.close()
	}
}

// isStatus reports whether a request is for the one path that is not the app's.
func (e *Engine) isStatus(r *http1.Request) bool {
	path := e.options.StatusPath
	if path == "" || e.options.Handover == nil || len(r.Path) < len(path) || string(r.Path[:len(path)]) != path {
		return false
	}
	return len(r.Path) == len(path) || r.Path[len(path)] == '?'
}

// dropRequest gives the reader of requests back.
func (c *conn) dropRequest() {
	if c.request == nil {
		return
	}
	l := c.loop
	if len(l.requests) < spares && c.request.Within(l.settings.Limits) {
		c.request.Reset()
		l.requests = append(l.requests, c.request)
	}
	c.request = nil
}

// next is called when a request was answered, and another may follow.
func (c *conn) next() {
	c.loop.configured()
	c.state = awaiting
	c.exchange = nil
	switch {
	case !c.held.empty():
		c.began = c.loop.now
		c.within(int64(c.loop.settings.HeadTimeout))
		c.loop.later(c)
	case c.ready&(readable|ended|broken) != 0:
		c.within(int64(c.loop.settings.IdleTimeout))
		c.loop.later(c)
	default:
		c.within(int64(c.loop.settings.IdleTimeout))
	}
}

// refuse answers a request of which nothing was forwarded, and will not be. It
// begins with b.
func (c *conn) refuse(b []byte, e *http1.Error) {
	l := c.loop
	took := int64(0)
	if c.began != 0 {
		took = l.now - c.began
	}
	l.engine.options.Log.Info("request refused", "code", e.Status, "reason", e.Reason, "client", c.address())
	l.engine.record(e.Status, took)
	// What was read of it may point into a buffer that has been used again.
	toHead := bytes.HasPrefix(bytes.TrimLeft(b, "\r\n"), []byte("HEAD "))
	if c.send(policy.Refusal(e).Append(l.out[:0], toHead, true)) != nil {
		c.close()
		return
	}
	c.end()
}

// address returns the client's, as net.Conn.RemoteAddr would.
func (c *conn) address() string {
	ip, err := netip.ParseAddr(c.remote)
	if err != nil {
		return "@"
	}
	return netip.AddrPortFrom(ip, c.port).String()
}

// shutdownLinger is how long a client may linger that does so during a shutdown. It
// is what net/http always gives.
const shutdownLinger = 500 * time.Millisecond

// end closes the connection once the client has read what was written: closing
// it with unread bytes resets it, and the client may lose the response (RFC
// 9112, 9.6).
func (c *conn) end() {
	c.held.release(&c.loop.buffers)
	c.dropRequest()
	c.exchange = nil
	c.state = lingering
	c.loop.lingers++
	if c.loop.engine.closing.Load() {
		c.within(int64(shutdownLinger))
	} else {
		c.within(int64(settings.LingerTimeout))
	}
	c.linger()
}

// linger is the state of a connection that is over but for what is on its way.
func (c *conn) linger() {
	if _, err := c.flush(); err != nil || c.ready&broken != 0 {
		c.close()
		return
	}
	if !c.out.empty() {
		return
	}
	if !c.hungUp {
		c.hungUp = true
		c.fd.closeWrite()
	}
	for range rounds {
		_, err := c.receive() // nobody wants it
		if err == errAgain {  //nolint:errorlint // it is the very value
			return
		}
		if err != nil {
			c.close()
			return
		}
	}
	c.loop.later(c)
}
