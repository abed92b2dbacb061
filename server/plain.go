package server

import (
	"errors"
	"fmt"
	"net"
	"net/http"
)

// errTLS reports that a client speaks TLS to a plain port.
var errTLS = errors.New("the client speaks TLS, and the port does not")

// plainHTTP answers a client that speaks TLS to the plain admin HTTP port. Most show
// that answer, or that it is HTTP.
func (s *Server) plainHTTP(conn net.Conn) error {
	const body = "this port speaks plain HTTP: write http:// in place of https://, or set auth.tls\n"
	fmt.Fprintf(s.tlsLog, "a client at %s speaks TLS to adminHTTP, which speaks plain HTTP without auth.tls", conn.RemoteAddr())
	_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d Bad Request\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		http.StatusBadRequest, len(body), body) // the connection is closed in any case
	return errTLS
}

// plainGRPC closes the connection of a client that speaks TLS to the plain gRPC port.
func (s *Server) plainGRPC(conn net.Conn) error {
	fmt.Fprintf(s.tlsLog, "a client at %s speaks TLS to admin, which speaks plain gRPC without auth.tls", conn.RemoteAddr())
	return errTLS
}

// bounded returns the listener that the server accepts from. onTLS is for a plain port.
func (s *Server) bounded(l net.Listener, strangers *strangers, onTLS func(net.Conn) error) *boundedListener {
	b := newBoundedListener(l, strangers)
	if s.http.TLSConfig == nil {
		b.onTLS = onTLS
	}
	return b
}
