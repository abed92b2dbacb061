package std

import (
	"context"
	"net"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Lane carries requests with blocking reads and writes. Create one with New. All
// methods are safe for concurrent use.
type Lane struct {
	options    Options
	readers    atomic.Pointer[readers] // for the limits in force
	clock      clock
	violations policy.Violations
	date       date
	pool       *pool
	gate       gate
	idleConns  idleConns
	streams    *streams
	loan       func() (context.Context, context.CancelFunc) // of a request that another lane has lent
	endLoans   context.CancelFunc                           // ends all of them
	shards     atomic.Int32                                 // that were given to connections
	flights    counter                                      // requests and tunnels in flight
	beyond     atomic.Int64                                 // requests of HTTP/2 and HTTP/3 beyond the first of their connection
	running    counter                                      // goroutines that serve a connection or a stream
	leaving    atomic.Bool                                  // EndKeepAlive was called
	closing    atomic.Bool                                  // Shutdown was called
	cutting    atomic.Bool                                  // Shutdown breaks off what is in flight

	underscores policy.Underscores
	peers       policy.Peers

	mu        sync.Mutex // guards all below
	conns     map[*conn]struct{}
	listeners map[*listening]struct{}
	sessions  map[*Session]struct{}
}

// New returns a Lane. The caller must call Shutdown, even if it never calls Serve.
func New(options Options) *Lane {
	options = options.withDefaults()
	l := &Lane{
		options:   options,
		flights:   newCounter(),
		running:   newCounter(),
		conns:     make(map[*conn]struct{}),
		listeners: make(map[*listening]struct{}),
		sessions:  make(map[*Session]struct{}),
	}
	if l.options.Open == nil {
		l.options.Open = l.Conns
	}
	limit := func() int { return options.Settings.Load().MaxConnections }
	l.gate.max, l.gate.makeRoom = limit, func() { l.CloseIdle() }
	l.pool = newPool(&l.clock, options.Conduct, limit, options.Log)
	l.streams = newStreams(l)
	base, end := context.WithCancel(context.Background())
	l.loan, l.endLoans = func() (context.Context, context.CancelFunc) { return context.WithCancel(base) }, end
	return l
}

// Reconfigured must be called after a change of the settings: more connections may be
// allowed now.
func (l *Lane) Reconfigured() { l.gate.recheck() }

// EndKeepAlive makes each response that begins from now on the last one on its
// connection. New connections are accepted.
func (l *Lane) EndKeepAlive() { l.leaving.Store(true) }

// ends reports whether connections end with the response that begins now: the lane shuts
// down or soon will, or another client waits for room.
func (l *Lane) ends() bool { return l.leaving.Load() || l.closing.Load() || l.full() }

// Drop closes the idle connections to an endpoint now, and the connections in use when
// they become idle. New connections to the endpoint can be made.
func (l *Lane) Drop(to registry.Endpoint) { l.pool.Drop(to) }

// Take serves a client's connection that another lane has accepted. unread is what the
// caller has read from it. The connection is a *handshake.Done if it speaks TLS. Take calls done when the connection is closed. It does not block.
func (l *Lane) Take(netConn net.Conn, unread []byte, done func()) {
	l.serveConn(newConn(l, netConn, false, done), unread)
}

// accept serves a client's connection that was just accepted. It calls done when the
// connection is closed.
func (l *Lane) accept(netConn net.Conn, done func()) {
	l.serveConn(newConn(l, netConn, true, done), nil)
}

// serveConn starts the goroutine of a connection.
func (l *Lane) serveConn(c *conn, unread []byte) {
	if len(unread) > 0 {
		c.intake.hold(unread)
	}
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	l.clock.enter()
	l.running.add()
	go c.serve() // ends with the connection; Shutdown waits for it
}

// forget is called when the goroutine of a connection ends.
func (l *Lane) forget(c *conn) {
	l.release(c)
	l.running.end()
}

// release leaves a connection alone from now on.
func (l *Lane) release(c *conn) {
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
}
