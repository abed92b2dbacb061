package http3

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"
)

const (
	// maxStreams is how many requests a client may have open, as net/http allows in HTTP/2
	// and RFC 9114, 6.1 as a minimum.
	maxStreams = 100
	// maxUniStreams is more than the control stream, the two of QPACK, and the one or two of
	// a reserved type by which clients test servers (RFC 9114, 6.2 and 7.2.8).
	maxUniStreams = 8
	// The windows for the content of a request and of all on a connection. They grow from
	// what the lane allows in HTTP/2 while the content is taken. A connection can make dynlb
	// hold as much as one of HTTP/2.
	firstStreamWindow, maxStreamWindow   = 64 << 10, 1 << 20
	firstSessionWindow, maxSessionWindow = 512 << 10, 4 << 20
	// deadAfter is how long a client may be unreachable. keepAlive keeps connections open
	// whose requests wait for longer, and those in the tables of routers.
	deadAfter, keepAlive = 30 * time.Second, 15 * time.Second
	// shakeIdle is how long a client may be silent during the handshake. The whole may take
	// twice as long, which is handshake.Timeout.
	shakeIdle = 5 * time.Second
	// unverified is from how many handshakes under way on a client has to show first that
	// packets reach it at its address (RFC 9000, 8.1.2), which takes a round trip. The state
	// of a handshake takes some 50 KB, and addresses can be made up.
	unverified = 64
	// maxShaking is how many handshakes may be under way at a socket.
	maxShaking = 1024
)

// Server serves clients of HTTP/3. Create one with New. A nil Server serves none. All
// methods are safe for concurrent use.
type Server struct {
	options Options
	reset   quic.StatelessResetKey
	tls     *tls.Config

	mu      sync.Mutex // guards all below
	serving map[*endpoint]struct{}
	leaving bool // LeaveAll was called
}

// New returns a Server. Nothing runs before Serve.
func New(options Options) *Server {
	return &Server{
		options: options, reset: options.ResetKey, tls: configOf(options.TLS), serving: make(map[*endpoint]struct{}),
	}
}

// configOf returns the config of TLS for QUIC. The sessions of its tickets are its own.
func configOf(c *tls.Config) *tls.Config {
	forQUIC := func(c *tls.Config) *tls.Config {
		c = c.Clone()
		c.NextProtos, c.MinVersion = []string{h3.NextProtoH3}, tls.VersionTLS13
		return c
	}
	out := forQUIC(c)
	if get := c.GetConfigForClient; get != nil {
		out.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c, err := get(hello)
			if c == nil || err != nil {
				return c, err
			}
			return forQUIC(c), nil
		}
	}
	return out
}

// quicConfig returns the config of QUIC. There is no 0-RTT: what is sent in it can be sent
// again by others (RFC 8446, 8).
func quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: shakeIdle, MaxIdleTimeout: deadAfter, KeepAlivePeriod: keepAlive,
		InitialStreamReceiveWindow: firstStreamWindow, MaxStreamReceiveWindow: maxStreamWindow,
		InitialConnectionReceiveWindow: firstSessionWindow, MaxConnectionReceiveWindow: maxSessionWindow,
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: maxUniStreams,
	}
}

// Serve accepts clients on a socket until it is left, and returns nil when the last of them
// has left, too. It closes the socket. Several sockets may be served at the same time.
func (s *Server) Serve(socket *net.UDPConn) error {
	if s == nil {
		_ = socket.Close() // it has read nothing
		return errors.New("serve HTTP/3: it needs TLS")
	}
	e := newEndpoint(s, socket)
	s.mu.Lock()
	s.serving[e] = struct{}{}
	leaving := s.leaving
	s.mu.Unlock()
	if leaving {
		e.leave()
	}
	defer func() {
		s.mu.Lock()
		delete(s.serving, e)
		s.mu.Unlock()
		close(e.closed)
	}()
	return e.serve()
}

// Leave has Serve for a socket refuse new clients, asks those that there are to leave, and
// does not wait for them. A socket that Serve does not have yet is closed.
func (s *Server) Leave(socket *net.UDPConn) {
	for _, e := range s.all() {
		if e.socket == socket {
			e.leave()
			return
		}
	}
	_ = socket.Close() // Serve returns nil
}

// LeaveAll is Leave for all sockets, those that are served later too.
func (s *Server) LeaveAll() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.leaving = true
	s.mu.Unlock()
	for _, e := range s.all() {
		e.leave()
	}
}

// Close closes all sockets, with the connections that are left, and waits for Serve.
func (s *Server) Close() {
	s.LeaveAll()
	for _, e := range s.all() {
		e.end()
		<-e.closed
	}
}

// all returns the sockets that are served. There are none of a nil Server.
func (s *Server) all() []*endpoint {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*endpoint, 0, len(s.serving))
	for e := range s.serving {
		all = append(all, e)
	}
	return slices.Clip(all)
}
