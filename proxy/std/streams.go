package std

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// streams has net/http serve the connections of HTTP/2. It is the listener of the server.
type streams struct {
	lane    *Lane
	server  *http.Server
	conns   chan *streamConn
	closed  chan struct{}
	once    sync.Once          // closes closed
	end     context.CancelFunc // cancels the contexts of all requests
	serving sync.WaitGroup

	mu    sync.Mutex // guards all below
	open  map[*streamConn]struct{}
	empty chan struct{} // closed when open has become empty; nil: nothing waits for that
}

// The windows for the content of a request, and of all on a connection. Requests whose
// content waits must not hold up the others: the larger one is the most that net/http
// allows, for 63 of them.
const (
	streamWindow  = 64 << 10
	sessionWindow = 4<<20 - 1
)

func newStreams(l *Lane) *streams {
	s := &streams{lane: l, conns: make(chan *streamConn), closed: make(chan struct{}), open: make(map[*streamConn]struct{})}
	settings := l.options.Settings.Load()
	base, end := context.WithCancel(context.Background())
	s.end = end
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true) // with prior knowledge (RFC 9113, 3.3)
	//nolint:gosec // G112: the connection has read the preface; streams have limits of their own
	s.server = &http.Server{
		Handler:     http.HandlerFunc(l.serveStream),
		Protocols:   protocols,
		IdleTimeout: settings.IdleTimeout,
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: streamWindow, MaxReceiveBufferPerConnection: sessionWindow,
		},
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
	unread := bytes.Clone(c.intake.bytes())
	c.intake.release()
	_ = c.conn.SetReadDeadline(noDeadline) // the reads report the error
	sc := &streamConn{Conn: c.conn, conn: c, unread: unread}
	c.streams.Store(sc)
	c.lane.streams.take(sc)
}

// take gives a connection to net/http.
func (s *streams) take(conn *streamConn) {
	s.mu.Lock()
	s.open[conn] = struct{}{}
	s.mu.Unlock()
	select {
	case s.conns <- conn:
	case <-s.closed:
		_ = conn.Close() // an error changes nothing
	}
}

// forget is called when a connection is closed.
func (s *streams) forget(conn *streamConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
	if len(s.open) == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// askToLeave has all clients asked to leave. The channel is closed when all have left.
func (s *streams) askToLeave() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	empty := make(chan struct{})
	if len(s.open) == 0 {
		close(empty)
		return empty
	}
	s.empty = empty
	for conn := range s.open {
		conn.leave()
	}
	return empty
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

// shutdown asks the clients to leave, and waits for their requests until ctx ends.
func (s *streams) shutdown(ctx context.Context) {
	_ = s.Close()
	// The server closes idle connections at once, with what their clients send just now.
	select {
	case <-s.askToLeave():
	case <-time.After(policy.DrainGrace):
	case <-ctx.Done():
	}
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

// connKey is the context key of the conn of a connection.
type connKey struct{}

// connContext is an http.Server.ConnContext.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if p, ok := c.(*streamConn); ok {
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
