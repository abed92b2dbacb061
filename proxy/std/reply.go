package std

import (
	"io"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// shutdownLinger is how long a connection lingers during a shutdown, or while another
// client waits for room. Package net/http always waits so long.
const shutdownLinger = 500 * time.Millisecond

// proceed asks the client for the content of its request.
func (c *conn) proceed() error {
	c.out = append(c.room(), forward.Continue...)
	return c.flush()
}

// inform sends an informational response, but none to a client of HTTP/1.0 (RFC 9110,
// 15.2).
func (c *conn) inform(r *http1.Response) error {
	if c.http10 {
		return nil
	}
	c.out = forward.AppendInterim(c.room(), r)
	return c.flush()
}

// respond sends the head of a final response.
func (c *conn) respond(r *http1.Response, whole bool) {
	to := forward.Client{HTTP10: c.http10, Last: c.isLast(whole), AltSvc: c.rules.altSvc(&c.peer)}
	c.out, c.delivery = forward.AppendResponse(c.room(), r, to, c.lane.date.at(time.Now()))
	c.settle(c.delivery.Last, whole)
}

// isLast reports whether a response is the last one on the connection. For whole see
// client.respond.
func (c *conn) isLast(whole bool) bool {
	return !c.keep || !whole || c.unwanted.Load() || c.lane.ends()
}

// settle decides what becomes of the connection after a response. If the client did not
// expect the last response, it may be sending another request. The connection lingers
// then: closing a connection with unread bytes resets it, and the client may lose the
// response (RFC 9112, 9.6).
func (c *conn) settle(last, whole bool) {
	switch {
	case !last:
		c.fate = stays
	case c.keep || !whole || !c.intake.empty():
		c.fate = lingers
	default:
		c.fate = closes
	}
}

// write sends payload.
func (c *conn) write(payload []byte) error {
	switch {
	case len(payload) == 0:
		return nil
	case len(payload) <= copyMax:
		c.out = forward.AppendContent(c.room(), payload, c.delivery.Chunked, false)
		return nil
	case c.delivery.Chunked:
		c.out = http1.AppendChunkSize(c.room(), len(payload))
		return c.push(c.out, payload, chunkEnd)
	default:
		return c.push(c.out, payload)
	}
}

// end ends the content, and flushes.
func (c *conn) end(trailer []byte) error {
	switch {
	case !c.delivery.Chunked:
	case forward.HasTrailer(trailer):
		c.out = forward.AppendTrailer(c.room(), trailer)
	default:
		c.out = append(c.room(), http1.LastChunk...)
	}
	return c.flush()
}

// flush sends the bytes in the buffer.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_, err := c.outlet.write(c.out, c.rules.IdleTimeout)
	c.drop()
	return err
}

// push sends pieces. The first one is the buffer.
func (c *conn) push(pieces ...[]byte) error {
	_, err := c.writeAll(c.rules.IdleTimeout, pieces...)
	c.drop()
	return err
}

// room returns the buffer, to append to it.
func (c *conn) room() []byte {
	if c.out == nil {
		c.out = getBuffer(largeSize)[:0]
	}
	return c.out
}

// drop gives the buffer back.
func (c *conn) drop() {
	putBuffer(c.out[:cap(c.out)])
	c.out = nil
}

// switchTo sends the head of a 101 (Switching Protocols).
func (c *conn) switchTo(r *http1.Response, rest []byte) error {
	c.rate = 0 // a tunnel has no content
	c.out = append(forward.AppendSwitch(c.room(), r), rest...)
	return c.flush()
}

// refuse answers with a fault. To a client of HTTP/1.0 it is the last response, because
// the answer has no field that says otherwise.
func (c *conn) refuse(f policy.Fault, whole bool) {
	last := c.isLast(whole) || c.http10 || f.Code == http.StatusNotImplemented
	c.out = f.Append(c.room(), c.toHead, last)
	c.settle(last, whole)
	if c.flush() != nil {
		c.fate = closes
	}
}

// breakOff ends a response so that the client sees that it is incomplete.
func (c *conn) breakOff(gone bool) {
	switch {
	case c.delivery.UntilClose:
		c.fate = resets
	case gone:
		c.fate = closes
	case c.flush() != nil:
		c.fate = closes
	default:
		c.fate = lingers
	}
}

// linger reads until the client closes the connection, for a limited time.
func (c *conn) linger() {
	closeWrite(c.conn)
	limit := policy.LingerTimeout
	if c.lane.full() {
		limit = shutdownLinger
	}
	deadline := time.Now().Add(limit)
	for closing := false; ; {
		_ = c.conn.SetReadDeadline(deadline) // the read reports the error
		if !closing && c.lane.closing.Load() {
			closing = true
			_ = c.conn.SetReadDeadline(time.Now().Add(shutdownLinger))
		}
		_, err := io.Copy(io.Discard, onlyReader{c.conn})
		if !isTimeout(err) || closing || !c.lane.closing.Load() {
			return
		}
	}
}

// onlyReader hides the other methods of a reader.
type onlyReader struct{ io.Reader }
