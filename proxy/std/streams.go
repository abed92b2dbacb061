package std

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// streams carries the requests of HTTP/2, which net/http reads.
type streams struct {
	lane    *Lane
	server  *http.Server
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once          // closes closed
	end     context.CancelFunc // ends the contexts of all requests
	serving sync.WaitGroup
}

func newStreams(l *Lane) *streams {
	s := &streams{lane: l, conns: make(chan net.Conn), closed: make(chan struct{})}
	settings := l.options.Settings.Load()
	base, end := context.WithCancel(context.Background())
	s.end = end
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // with prior knowledge
	//nolint:gosec // G112: the connection has read the preface; streams have limits of their own
	s.server = &http.Server{
		Handler:                      http.HandlerFunc(l.serveStream),
		Protocols:                    protocols,
		IdleTimeout:                  settings.IdleTimeout,
		MaxHeaderBytes:               max(http.DefaultMaxHeaderBytes, settings.Limits.Head),
		DisableGeneralOptionsHandler: true, // OPTIONS * is the app's
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  connContext,
		ErrorLog:                     log.New(serverLog{l.options.Log}, "", 0),
	}
	s.serving.Go(func() { _ = s.server.Serve(s) }) // until Shutdown; it fails in no other way
	return s
}

// leaveToStreams gives the connection, which begins with the preface of HTTP/2, to
// net/http.
func (c *conn) leaveToStreams() {
	c.fate = leaves
	unread := bytes.Clone(c.intake.bytes())
	c.intake.release()
	_ = c.conn.SetReadDeadline(noDeadline) // it fails as the reads will
	c.lane.streams.take(&preread{Conn: c.conn, unread: unread, conn: c})
}

// take has net/http serve a connection.
func (s *streams) take(conn net.Conn) {
	select {
	case s.conns <- conn:
	case <-s.closed:
		_ = conn.Close() // nothing can be done
	}
}

// Accept waits for the next connection: streams is a listener for net/http.
func (s *streams) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (s *streams) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Addr says where the connections come from.
func (s *streams) Addr() net.Addr { return &net.UnixAddr{Name: "HTTP/2", Net: "unix"} }

// shutdown has clients told to go elsewhere, and waits for their requests, until ctx
// ends.
func (s *streams) shutdown(ctx context.Context) {
	_ = s.Close()
	_ = s.server.Shutdown(ctx) // ctx's error; the rest is cut
	if ctx.Err() == nil {
		s.end()
		s.serving.Wait()
	}
}

// cut breaks off what is left.
func (s *streams) cut() {
	s.end()
	_ = s.server.Close() // nothing can be done
	s.serving.Wait()
}

// preread is a connection of which some bytes were read already.
type preread struct {
	net.Conn
	unread []byte
	conn   *conn
}

// Read hands out what was read already, and then what comes.
func (p *preread) Read(b []byte) (int, error) {
	if len(p.unread) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.unread)
	p.unread = p.unread[n:]
	return n, nil
}

// Close closes the connection.
func (p *preread) Close() error {
	p.conn.close()
	return nil
}

// peerKey is the context key of the forward.Peer of a connection.
type peerKey struct{}

// connContext is an http.Server.ConnContext.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.(*preread); ok {
		return context.WithValue(ctx, peerKey{}, p.conn.peer)
	}
	return ctx
}

// serverLog passes what net/http logs on: a panic as a warning, the misbehaviour of
// clients for debugging.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.Contains(line, []byte("panic serving")) {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}
