package fast

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/lent"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/settings"
)

// Engine carries requests in event loops. Create one with New. All methods are
// safe for concurrent use.
type Engine struct {
	group      *eventloop.Group
	router     route.Router
	settings   *atomic.Pointer[settings.Settings]
	handover   func(net.Conn, []byte, func()) // nil: nothing is handed over
	handedOver IdleConns                      // nil: none of them is closed to make room
	tls        *handshake.Server              // nil: plain TCP
	shakers    *shakers                       // the goroutines that do handshakes
	began      time.Time                      // its time counts from here
	statusPath string
	lend       func(s *lent.Stream, head []byte, from forward.Peer, address string)
	beyond     atomic.Int64 // requests of HTTP/2 beyond the first of their connection
	conduct    *policy.Conduct
	record     outcome.Recorder
	log        *slog.Logger
	violations policy.Violations
	peers      policy.Peers
	upstreams  atomic.Int64 // connections to instances
	workers    atomic.Int32 // that were made

	leaving atomic.Bool // EndKeepAlive was called

	underscores policy.Underscores
}

// New returns an Engine. Nothing runs before Serve; then call Shutdown.
func New(options Options) (*Engine, error) {
	e := &Engine{
		router:     options.Router,
		settings:   options.Settings,
		began:      time.Now().Add(-time.Second), // 0 is no time
		tls:        options.TLS,
		shakers:    newShakers(),
		handover:   options.Handover,
		handedOver: options.HandedOver,
		statusPath: options.StatusPath,
		lend:       options.Lend,
		conduct:    options.Conduct,
		record:     options.Record,
		log:        options.Log,
	}
	if e.conduct == nil {
		e.conduct = new(policy.Conduct)
	}
	if e.record == nil {
		e.record = func(*outcome.Outcome) {}
	}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.group = eventloop.NewGroup(eventloop.Options{
		Loops:    options.Loops,
		Protocol: func(l *eventloop.Loop) eventloop.Protocol { return newWorker(e, l) },
		MaxConns: func() int { return e.settings.Load().MaxConnections },
		MakeRoom: e.makeRoom,
		Log:      e.log,
	})
	return e, nil
}

// Serve accepts connections on l, until Shutdown or Leave; then it returns nil. It
// closes l, which must be one of package net: it fails with errors.ErrUnsupported,
// and leaves l alone, when that has no socket. It may be called for several
// listeners.
func (e *Engine) Serve(l net.Listener) error { return e.group.Serve(l) }

// Leave stops accepting on l, which was given to Serve, and closes it; Serve
// returns nil. The connections that were accepted on it stay. It reports whether
// l was being served.
func (e *Engine) Leave(l net.Listener) bool { return e.group.Leave(l) }

// secures reports whether a client that connects under settings speaks TLS.
func (e *Engine) secures(s *settings.Settings) bool { return e.tls != nil && !s.Plain }

// Full reports whether a client waits for another one to leave.
func (e *Engine) Full() bool { return e.group.Full() }

// Open returns how many connections of clients are open, with those handed over and those
// of Admit.
func (e *Engine) Open() int { return e.group.Open() }

// Admit counts a connection of HTTP/3, if there is room. release must be called when it is
// closed.
func (e *Engine) Admit() (release func(), ok bool) { return e.group.Admit() }

// ends reports whether connections end with the response that begins now: the engine
// shuts down or soon will, or another client waits for room.
func (e *Engine) ends() bool { return e.leaving.Load() || e.group.Closing() || e.group.Full() }

// EndKeepAlive makes each response that begins from now on the last one on its
// connection. New connections are accepted.
func (e *Engine) EndKeepAlive() { e.leaving.Store(true) }

// Reconfigured tells the engine that the settings have changed: more connections
// may be open than before.
func (e *Engine) Reconfigured() { e.group.WakeAcceptors() }

// Drop closes the idle connections to an endpoint, and those in use when they
// become idle. Requests may go there again, on new connections.
func (e *Engine) Drop(endpoint registry.Endpoint) {
	e.each(func(w *worker) { w.drop(endpoint) })
}

// each posts a function to each worker. It does not wait.
func (e *Engine) each(do func(*worker)) {
	for _, l := range e.group.Loops() {
		l.Post(eventloop.Func(func() { do(workerOf(l)) }))
	}
}

// Shutdown ends the Engine, which cannot be used afterwards. First it accepts the
// connections that wait to be accepted, and then no others. Each connection ends with its
// response; one without a request may still send one within Settings.DrainGrace. Shutdown
// waits for the requests in flight and for the tunnels, and for a short time until clients
// have read their last response. When ctx ends, it answers the requests that have no
// response with a 503, breaks the other responses off, and returns a *CutError if there
// were any of both.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.group.Close()
	var busy sync.WaitGroup
	for _, l := range e.group.Loops() {
		busy.Add(1)
		if !l.Post(eventloop.Func(func() { workerOf(l).drain(busy.Done) })) {
			busy.Done() // ended by another Shutdown
		}
	}
	empty := make(chan struct{})
	go func() { // ends when all loops are drained, or have ended
		busy.Wait()
		close(empty)
	}()
	var cut atomic.Int64
	select {
	case <-empty:
	case <-ctx.Done():
		e.each(func(w *worker) { cut.Add(int64(w.cut())) })
		select { // clients read their last response
		case <-empty:
		case <-time.After(2 * shutdownLinger):
		}
	}
	e.each(func(w *worker) { cut.Add(int64(w.stop())) })
	e.group.Wait()
	e.shakers.end()
	<-empty
	if n := cut.Load(); n > 0 {
		return &CutError{Open: int(n), Cause: context.Cause(ctx)}
	}
	return nil
}
