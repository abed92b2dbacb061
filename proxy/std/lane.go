package std

import (
	"net"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// Lane carries requests with blocking reads and writes. Create one with New. All
// methods are safe for concurrent use.
type Lane struct {
	options Options
	rules   atomic.Pointer[rules] // for the requests that begin now
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

// rules are the settings in force, with readers for messages within their limits.
// They are replaced, never changed.
type rules struct {
	settings.Settings
	requests  sync.Pool // of *http1.Request
	responses sync.Pool // of *http1.Response
}

func newRules(s settings.Settings) *rules {
	r := &rules{Settings: s.WithDefaults()}
	limits := r.Limits
	r.requests.New = func() any { return http1.NewRequest(limits) }
	r.responses.New = func() any { return http1.NewResponse(settings.ResponseLimits) }
	return r
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
	rules := newRules(options.Settings)
	l.rules.Store(rules)
	l.gate.setMax(rules.MaxConnections)
	l.pool = newPool(&l.clock, options.Conduct, rules.MaxConnections, options.Log)
	l.streams = newStreams(l)
	return l
}

// Configure puts new settings in the place of the old ones, for the requests that
// begin from now on.
func (l *Lane) Configure(s settings.Settings) {
	rules := newRules(s)
	l.rules.Store(rules)
	l.gate.setMax(rules.MaxConnections)
	l.pool.setMax(rules.MaxConnections)
}

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
