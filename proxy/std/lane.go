package std

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/registry"
)

// Lane carries requests with blocking reads and writes. Create one with New. All
// methods are safe for concurrent use.
type Lane struct {
	options Options
	readers atomic.Pointer[readers] // for the limits in force
	clock   clock
	date    date
	pool    *pool
	gate    gate
	streams *streams
	flights counter     // requests and tunnels
	running counter     // goroutines that serve connections and streams
	closing atomic.Bool // Shutdown was called
	cutting atomic.Bool // what is in flight is broken off

	mu        sync.Mutex // guards all below
	conns     map[*conn]struct{}
	listeners map[*listening]struct{}
}

// New returns a Lane. Call Shutdown when done with it, served or not.
func New(options Options) *Lane {
	options = options.withDefaults()
	l := &Lane{
		options:   options,
		flights:   newCounter(),
		running:   newCounter(),
		conns:     make(map[*conn]struct{}),
		listeners: make(map[*listening]struct{}),
	}
	limit := func() int { return options.Settings.Load().MaxConnections }
	l.gate.max = limit
	l.pool = newPool(&l.clock, options.Conduct, limit, options.Log)
	l.streams = newStreams(l)
	return l
}

// Reconfigured tells the lane that the settings have changed: more connections may be
// allowed.
func (l *Lane) Reconfigured() { l.gate.move() }

// Drop closes the idle connections to an endpoint, and those in use when they become
// idle. Requests may go there again, on new connections.
func (l *Lane) Drop(to registry.Endpoint) { l.pool.Drop(to) }

// Take serves a connection, of which the bytes in unread were read already. It calls
// done when the connection is closed. It does not block.
func (l *Lane) Take(netConn net.Conn, unread []byte, done func()) {
	c := newConn(l, netConn, done)
	if len(unread) > 0 {
		c.intake.hold(unread)
	}
	l.mu.Lock()
	l.conns[c] = struct{}{}
	l.mu.Unlock()
	l.clock.enter()
	l.running.add()
	go c.serve() // until the client leaves, or Shutdown; counted in running
}

// forget is called when a connection is not served any more.
func (l *Lane) forget(c *conn) {
	l.mu.Lock()
	delete(l.conns, c)
	l.mu.Unlock()
	l.running.end()
}
