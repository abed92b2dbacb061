package proxy

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"strings"
)

// restrictUpgrade removes the request to change protocols from h, the header
// that the instance gets, where it may not be: from HTTP/1.0 (RFC 9110, 7.8),
// with content, of which nobody could tell where it ends and the tunnel begins,
// and to h2c, which would carry requests past the load balancer. http1.Request
// has the same rules.
func restrictUpgrade(h http.Header, in *http.Request) {
	protocol := h.Get("Upgrade")
	if protocol == "" {
		return
	}
	if !in.ProtoAtLeast(1, 1) || in.ContentLength != 0 || strings.Contains(strings.ToLower(protocol), "h2c") {
		h.Del("Upgrade")
		h.Del("Connection")
		h.Del("Http2-Settings")
	}
}

// tunnelWriter records a tunnel when it opens, and keeps what the client sent
// into it before it was open.
type tunnelWriter struct {
	http.ResponseWriter
	exchange *exchange
}

func (w tunnelWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w tunnelWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.exchange.record()
	if n := rw.Reader.Buffered(); n > 0 {
		early, _ := rw.Reader.Peek(n) // cannot fail: they are there
		conn = &earlyConn{Conn: conn, early: bytes.Clone(early)}
	}
	return conn, rw, nil
}

// earlyConn is a connection of which some bytes were read already.
type earlyConn struct {
	net.Conn
	early []byte
}

func (c *earlyConn) Read(p []byte) (int, error) {
	if len(c.early) == 0 {
		return c.Conn.Read(p)
	}
	n := copy(p, c.early)
	c.early = c.early[n:]
	return n, nil
}

// CloseWrite passes the end of one direction on.
func (c *earlyConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
