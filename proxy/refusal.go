package proxy

import (
	"io"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/fault"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// refuse answers the request that is being read, of which net/http knows
// nothing, and waits for the client to take the answer.
func (c *guardedConn) refuse(e *http1.Error) {
	took := time.Duration(0)
	if !c.began.IsZero() {
		took = time.Since(c.began)
	}
	c.guard.refused(c, e, took)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(settings.LingerTimeout))
	message := fault.Refusal(e).Append(nil, c.request != nil && string(c.request.Method) == http.MethodHead, true)
	if _, err := c.Conn.Write(message); err == nil {
		c.linger()
	}
}

// linger lets the client read what was written, before the connection is
// closed: closing it with unread bytes resets it, and the client may lose the
// response (RFC 9112, 9.6).
func (c *guardedConn) linger() {
	_ = c.CloseWrite()
	c.limit(time.Now().Add(settings.LingerTimeout), true)
	_, _ = io.Copy(io.Discard, c.Conn) // until the client closes it, or the time is over
}

// CloseWrite ends what is written, where the connection can do that.
func (c *guardedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection. After a violation within a request it lingers,
// for what the handler has answered.
func (c *guardedConn) Close() error {
	if c.owing.CompareAndSwap(true, false) && !c.guard.hurry.Load() {
		c.linger()
	}
	c.mu.Lock()
	first := !c.closed
	c.closed = true
	c.notify()
	c.mu.Unlock()
	err := c.Conn.Close()
	if first {
		c.guard.gate.leave()
	}
	return err
}
