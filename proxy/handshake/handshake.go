// Package handshake has what the lanes share to speak TLS with clients:
//
//	Server   the config, the bound on handshakes, and the log of those that fail
//	Wire     what a tls.Conn reads its bytes from and writes them to
//	Done     a connection whose handshake is done, for another lane
//
// A lane makes a tls.Conn with Server.Accept, and calls HandshakeContext with a context
// that ends after Limit. While the handshake computes, it holds one of the places of
// the Server; while it waits for the client or for a callback of the config, it holds
// none. So clients that are silent keep no other client out.
package handshake

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"time"
)

// Timeout is how long a handshake may take. Haproxy's and nginx's are 10 s and 60 s; a
// handshake needs two round trips.
const Timeout = 10 * time.Second

// Limit returns how long a handshake may take if the head of a request may take so long:
// Timeout, or that if it is longer.
func Limit(head time.Duration) time.Duration { return max(Timeout, head) }

// SlowError returns the error of a handshake that was not done within limit.
func SlowError(limit time.Duration) error { return fmt.Errorf("not done within %v", limit) }

// ProtocolHTTP1 and ProtocolHTTP2 are names of ALPN (RFC 7301).
const (
	ProtocolHTTP1 = "http/1.1"
	ProtocolHTTP2 = "h2"
)

// Server makes connections of TLS. Create one with New. All methods are safe for
// concurrent use.
type Server struct {
	config   *tls.Config
	places   chan struct{}
	log      *slog.Logger
	failures failures
	counts   counts
}

// New returns a Server with a copy of a config; without NextProtos it offers HTTP/1.1.
// The callbacks of the config may change what is served. SetSessionTicketKeys of the
// config given has no effect any more.
func New(config *tls.Config, log *slog.Logger) *Server {
	s := &Server{log: log, config: config.Clone()}
	s.places = make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0)))
	if len(s.config.NextProtos) == 0 {
		s.config.NextProtos = []string{ProtocolHTTP1}
	}
	if get := config.GetConfigForClient; get != nil {
		s.config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			defer s.pause(hello)()
			return get(hello)
		}
	}
	if get := config.GetCertificate; get != nil {
		s.config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			defer s.pause(hello)()
			return get(hello)
		}
	}
	return s
}

// pause gives the place of a handshake back, and returns a function that takes one
// again: a callback may wait for a certificate.
func (s *Server) pause(hello *tls.ClientHelloInfo) (resume func()) {
	w, ok := hello.Conn.(*Wire)
	if !ok || w.place == nil {
		return func() {}
	}
	w.place.Leave()
	return w.place.Enter
}

// Accept returns a connection whose bytes go through w. Its handshake is not done.
func (s *Server) Accept(w *Wire) *tls.Conn { return tls.Server(w, s.config) }

// Shake does the handshake of conn, which Accept has returned for w, within ctx. If the
// connection is waited for, bytes are read or written within place.Leave and place.Enter.
func (s *Server) Shake(ctx context.Context, conn *tls.Conn, w *Wire) error {
	place := &Place{server: s}
	w.place = place
	place.Enter()
	defer func() {
		w.place = nil
		place.Leave()
	}()
	err := conn.HandshakeContext(ctx)
	s.counts.add(conn.ConnectionState().DidResume, err)
	return err
}

// Place is one of the places of a Server, which a handshake holds while it computes. One
// goroutine uses it.
type Place struct{ server *Server }

// Enter takes a place. It waits until there is one: the others compute.
func (p *Place) Enter() { p.server.places <- struct{}{} }

// Leave gives the place back.
func (p *Place) Leave() { <-p.server.places }

// Wire is what a tls.Conn reads its bytes from and writes them to. Its Conn may be
// replaced by another one between two calls of the tls.Conn.
type Wire struct {
	net.Conn
	place *Place // of the handshake; nil: it is done
}

// Place returns the place of the handshake under way, or nil. See Server.Shake.
func (w *Wire) Place() *Place { return w.place }

// Done is a connection whose handshake is done, and that another lane takes over. The
// embedded Conn is the socket.
type Done struct {
	net.Conn
	TLS  *tls.Conn
	Wire *Wire
	// Unread are bytes that were read from the socket, and not from TLS. Unsent are
	// bytes that TLS has written, and that were not written to the socket.
	Unread, Unsent []byte
}
