package proxy

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// refusal is what a client is told about a violation.
func refusal(e *http1.Error) fault {
	f := fault{code: e.Status, message: "the request is malformed", reason: e.Reason}
	switch e.Status {
	case http.StatusRequestTimeout:
		f.message = "the request is too slow"
	case http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		f.message = "the request is too large"
	case http.StatusExpectationFailed:
		f.message = "the request expects too much"
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		f.message = "the request needs what is not supported"
	}
	return f
}

// refuse answers the request that is being read, of which net/http knows
// nothing, and waits for the client to take the answer.
func (c *guardedConn) refuse(e *http1.Error) {
	took := time.Duration(0)
	if !c.began.IsZero() {
		took = time.Since(c.began)
	}
	c.guard.refused(c, e, took)
	_ = c.Conn.SetWriteDeadline(time.Now().Add(lingerTimeout))
	message := refusal(e).response(c.request != nil && string(c.request.Method) == http.MethodHead)
	if _, err := c.Conn.Write(message); err == nil {
		c.linger()
	}
}

// response returns the fault as a whole response, the last on its connection.
// To a HEAD request it has no content.
func (f fault) response(head bool) []byte {
	var b bytes.Buffer
	body := f.body()
	fmt.Fprintf(&b, "HTTP/1.1 %d %s\r\n", f.code, http.StatusText(f.code))
	fmt.Fprintf(&b, "Date: %s\r\n", time.Now().UTC().Format(http.TimeFormat))
	fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n", len(body))
	if !head {
		b.Write(body)
	}
	return b.Bytes()
}

// linger lets the client read what was written, before the connection is
// closed: closing it with unread bytes resets it, and the client may lose the
// response (RFC 9112, 9.6).
func (c *guardedConn) linger() {
	_ = c.CloseWrite()
	c.limit(time.Now().Add(lingerTimeout), true)
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
	c.closed = true
	c.notify()
	c.mu.Unlock()
	return c.Conn.Close()
}
