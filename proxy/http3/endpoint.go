package http3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/quic-go/quic-go"

	"github.com/dynlb/dynlb/proxy/std"
)

// endpoint is a socket that is served.
type endpoint struct {
	server *Server
	socket *net.UDPConn
	ctx    context.Context //nolint:containedctx // ends when the socket was left, and the last client has gone
	end    context.CancelFunc
	closed chan struct{} // closed when Serve returns

	mu       sync.Mutex // guards all below
	leaving  bool
	open     int // clients, with those that shake hands
	shaking  int
	sessions map[*std.Session]struct{}
}

func newEndpoint(s *Server, socket *net.UDPConn) *endpoint {
	e := &endpoint{server: s, socket: socket, closed: make(chan struct{}), sessions: make(map[*std.Session]struct{})}
	e.ctx, e.end = context.WithCancel(context.Background())
	return e
}

// serve accepts clients until the end of ctx, and closes the socket.
func (e *endpoint) serve() error {
	defer e.end()
	transport := &quic.Transport{
		Conn: e.socket, StatelessResetKey: &e.server.reset, ConnContext: e.admit,
		VerifySourceAddress: func(net.Addr) bool { return e.crowded() },
	}
	defer func() { _ = e.socket.Close() }() // it may be closed already
	listener, err := transport.Listen(e.server.tls, quicConfig())
	if errors.Is(err, net.ErrClosed) {
		return nil // Leave has come first
	}
	if err != nil {
		return fmt.Errorf("serve HTTP/3: %w", err)
	}
	var connections sync.WaitGroup
	for {
		conn, err := listener.Accept(e.ctx)
		if err != nil {
			if e.ctx.Err() == nil {
				err = fmt.Errorf("accept HTTP/3: %w", err)
			} else {
				err = nil
			}
			e.end()
			connections.Wait()
			_ = listener.Close()  // both return no error
			_ = transport.Close() // that matters now
			return err
		}
		connections.Go(func() { e.carry(conn) }) // ends with the connection
	}
}

// crowded reports whether so many handshakes are under way that a client must verify its
// address.
func (e *endpoint) crowded() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.shaking >= unverified
}

// shake is a handshake.
type shake struct{ done bool } // or has failed; endpoint.mu guards it

// shakeKey is the context key of the shake of a connection.
type shakeKey struct{}

// errRefused refuses a client: QUIC tells it CONNECTION_REFUSED, and not why.
var errRefused = errors.New("no room")

// admit counts a client, or refuses it. ctx ends with its connection.
func (e *endpoint) admit(ctx context.Context, from *quic.ClientInfo) (context.Context, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.leaving || e.shaking >= maxShaking {
		return nil, errRefused
	}
	release, ok := e.server.options.Admit()
	if !ok {
		return nil, errRefused
	}
	h := new(shake)
	e.open++
	e.shaking++
	context.AfterFunc(ctx, func() {
		release()
		if !e.shaken(h) {
			e.failed(context.Cause(ctx), from.RemoteAddr)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		e.open--
		if e.open == 0 && e.leaving {
			e.end()
		}
	})
	return context.WithValue(ctx, shakeKey{}, h), nil
}

// shaken notes that a handshake has ended. It reports whether that was known.
func (e *endpoint) shaken(h *shake) (known bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if h.done {
		return true
	}
	h.done = true
	e.shaking--
	return false
}

// failed counts and logs a handshake that has failed.
func (e *endpoint) failed(err error, client net.Addr) {
	if local, ok := errors.AsType[*quic.TransportError](err); !ok || local.Remote {
		err = io.EOF // the client has left, or cannot be reached
	}
	e.server.options.Handshakes.Count(false, err)
	e.server.options.Handshakes.Failed(err, client.String())
}

// leave refuses new clients, and asks those that there are to leave.
func (e *endpoint) leave() {
	e.mu.Lock()
	e.leaving = true
	if e.open == 0 {
		e.end()
	}
	all := make([]*std.Session, 0, len(e.sessions))
	for s := range e.sessions {
		all = append(all, s)
	}
	e.mu.Unlock()
	for _, s := range all {
		s.Leave()
	}
}

// carry serves a connection whose handshake is done, until it is closed.
func (e *endpoint) carry(conn *quic.Conn) {
	if h, ok := conn.Context().Value(shakeKey{}).(*shake); ok {
		e.shaken(h)
	}
	e.server.options.Handshakes.Count(conn.ConnectionState().TLS.DidResume, nil)
	c := newConnection(e.server, conn)
	defer context.AfterFunc(e.ctx, c.Close)()
	e.mu.Lock()
	e.sessions[c.session] = struct{}{}
	leaving := e.leaving
	e.mu.Unlock()
	if leaving {
		c.session.Leave()
	}
	c.serve()
	e.mu.Lock()
	delete(e.sessions, c.session)
	e.mu.Unlock()
}
