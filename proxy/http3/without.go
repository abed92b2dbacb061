//go:build !http3

package http3

import "net"

// Supported tells that this program can speak HTTP/3.
const Supported = false

// Server does not exist in this build.
type Server struct{}

// New returns nil.
func New(Options) *Server { return nil }

// Serve closes the socket, and returns ErrUnsupported.
func (*Server) Serve(socket *net.UDPConn) error {
	_ = socket.Close() // it has read nothing
	return ErrUnsupported
}

// Leave does nothing.
func (*Server) Leave(*net.UDPConn) {}

// LeaveAll does nothing.
func (*Server) LeaveAll() {}

// Close does nothing.
func (*Server) Close() {}
