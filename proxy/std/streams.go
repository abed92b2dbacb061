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

// streams has net/http serve the connections of HTTP/2. It is the listener of the server.
type streams struct {
	lane    *Lane
	server  *http.Server
	conns   chan net.Conn
	closed  chan struct{}
	once    sync.Once          // closes closed
	end     context.CancelFunc // cancels the contexts of all requests
	serving sync.WaitGroup
}

func newStreams(l *Lane) *streams {
	s := &streams{lane: l, conns: make(chan net.Conn), closed: make(chan struct{})}
	settings := l.options.Settings.Load()
	base, end := context.WithCancel(context.Background())
	s.end = end
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // with prior knowledge (RFC 9113, 3.3)
	//nolint:gosec // G112: the connection has read the preface; streams have limits of their own
	s.server = &http.Server{
		Handler:                      http.HandlerFunc(l.serveStream),
		Protocols:                    protocols,
		IdleTimeout:                  settings.IdleTimeout,
		MaxHeaderBytes:               max(http.DefaultMaxHeaderBytes, settings.Limits.Head),
		DisableGeneralOptionsHandler: true, // OPTIONS * is the app's
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  connContext,
		ConnState:                    l.streamsState,
		ErrorLog:                     log.New(serverLog{l.options.Log}, "", 0),
	}
	s.serving.Go(func() { _ = s.server.Serve(s) }) // ends with Shutdown, and has no other error
	return s
}

// leaveToStreams gives a connection that begins with the preface of HTTP/2 to net/http.
func (c *conn) leaveToStreams() {
	c.fate = leaves
	c.streams.Store(true)
	unread := bytes.Clone(c.intake.bytes())
	c.intake.release()
	_ = c.conn.SetReadDeadline(noDeadline) // the reads report the error
	c.lane.streams.take(&preread{Conn: c.conn, unread: unread, conn: c})
}

// take gives a connection to net/http.
func (s *streams) take(conn net.Conn) {
	select {
	case s.conns <- conn:
	case <-s.closed:
		_ = conn.Close() // an error changes nothing
	}
}

// Accept returns the next connection.
func (s *streams) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Accept fail.
func (s *streams) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// Addr returns an address for messages.
func (s *streams) Addr() net.Addr { return &net.UnixAddr{Name: "HTTP/2", Net: "unix"} }

// shutdown asks the clients to leave (GOAWAY), and waits for their requests until ctx
// ends.
func (s *streams) shutdown(ctx context.Context) {
	_ = s.Close()
	_ = s.server.Shutdown(ctx) // the only error is that of ctx; cut follows
	if ctx.Err() == nil {
		s.end()
		s.serving.Wait()
	}
}

// cut breaks off the requests that are left: they get a 503, if they were sent nothing of
// a response.
func (s *streams) cut() { s.end() }

// close closes the connections, after a short time for the last responses.
func (s *streams) close() {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLinger)
	defer cancel()
	_ = s.server.Shutdown(ctx) // the only error is that of ctx
	_ = s.server.Close()       // an error changes nothing
	s.serving.Wait()
}

// preread is a connection from which some bytes were read before.
type preread struct {
	net.Conn
	unread []byte
	conn   *conn
}

// Read returns the bytes that were read before, and then those of the connection.
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

// streamsState is an http.Server.ConnState. A connection is idle when it has no stream.
// The end of the last response may not be sent yet, and net/http cannot ask one client
// to leave, so that such a connection is not closed at once.
func (l *Lane) streamsState(conn net.Conn, state http.ConnState) {
	p, ok := conn.(*preread)
	switch {
	case !ok:
	case state != http.StateIdle:
		l.idleConns.remove(p.conn)
	default:
		l.rests(p.conn, false)
	}
}

// connKey is the context key of the conn of a connection.
type connKey struct{}

// connContext is an http.Server.ConnContext.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.(*preread); ok {
		return context.WithValue(ctx, connKey{}, p.conn)
	}
	return ctx
}

// serverLog logs what net/http logs: panics at level warn, all else at level debug.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Write(line []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.Contains(line, []byte("panic serving")) {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, string(bytes.TrimSpace(line)))
	return len(line), nil
}
