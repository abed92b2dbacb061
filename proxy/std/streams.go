package std

import (
	"bytes"
	"context"
	"log"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
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

	mu      sync.Mutex // guards all below
	open    map[*streamConn]struct{}
	leaving bool // all clients are asked to leave
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
	sc := &streamConn{Conn: c.conn, conn: c, unread: unread}
	c.streams.Store(sc)
	c.lane.release(c)
	_ = c.conn.SetReadDeadline(noDeadline) // the reads report the error
	c.lane.streams.take(sc)
}

// take gives a connection to net/http. The lane is running until it is closed.
func (s *streams) take(conn *streamConn) {
	s.lane.running.add()
	s.mu.Lock()
	s.open[conn] = struct{}{}
	leaving := s.leaving
	s.mu.Unlock()
	if leaving {
		conn.leave()
	}
	select {
	case s.conns <- conn:
	case <-s.closed:
		_ = conn.Close() // an error changes nothing
	}
}

// forget is called when a connection is closed, which it may be more than once.
func (s *streams) forget(conn *streamConn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[conn]; ok {
		delete(s.open, conn)
		s.lane.running.end()
	}
}

// leave asks all clients to leave, now and in the future.
//
// It is not the Shutdown of net/http (Go 1.26): that closes a connection as soon as its last
// stream has ended, with what was not flushed, and without a GOAWAY that the client reads.
func (s *streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	for conn := range s.open {
		conn.leave()
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

// cut breaks off the requests that are left: they get a 503, if they were sent nothing of
// a response.
func (s *streams) cut() { s.end() }

// close closes the connections that are left.
func (s *streams) close() {
	s.end()
	_ = s.Close()
	_ = s.server.Close() // an error changes nothing
	s.serving.Wait()
	s.mu.Lock()
	left := slices.Collect(maps.Keys(s.open))
	s.mu.Unlock()
	for _, conn := range left { // net/http had accepted it, and its Close did not know of it yet
		_ = conn.Close()
	}
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
