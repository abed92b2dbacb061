package fastpath

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// Engine carries requests in event loops. Create one with New. All methods are
// safe for concurrent use.
type Engine struct {
	options  Options
	settings atomic.Pointer[settings.Settings]
	open     atomic.Int64 // connections of clients, those handed over too
	full     atomic.Bool  // a loop waits for one to be closed
	behind   atomic.Int64 // connections to instances
	pipes    atomic.Int64
	closing  atomic.Bool // Shutdown was called
	running  sync.WaitGroup

	mu      sync.Mutex // guards all below
	loops   []*loop    // nil before the first Serve; the loops read it without mu
	accepts map[*acceptor]struct{}
}

// New returns an Engine. Nothing runs before Serve; then call Shutdown.
func New(options Options) (*Engine, error) {
	options = options.withDefaults()
	if options.Loops <= 0 {
		options.Loops = runtime.GOMAXPROCS(0)
	}
	e := &Engine{
		options: options,
		accepts: make(map[*acceptor]struct{}),
	}
	e.settings.Store(&options.Settings)
	return e, nil
}

// Configure puts new settings in the place of the old ones, for the requests
// that begin from now on.
func (e *Engine) Configure(s settings.Settings) {
	s = s.WithDefaults()
	e.settings.Store(&s)
	e.vacate() // there may be more room
}

// Drop closes the idle connections to an endpoint, and those in use when they
// become idle. Requests may go there again, on new connections.
func (e *Engine) Drop(endpoint registry.Endpoint) {
	e.each(func(l *loop) { l.drop(endpoint) })
}

// each has every loop do something, if there are any.
func (e *Engine) each(do func(*loop)) {
	e.mu.Lock()
	loops := e.loops
	e.mu.Unlock()
	for _, l := range loops {
		l.inbox.post(note{do: func() { do(l) }})
	}
}

// start notes an acceptor, unless the engine is shut down: then it stops it. It
// starts the loops unless they run.
func (e *Engine) start(a *acceptor) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing.Load() {
		a.stop(nil)
		return nil
	}
	if err := e.startLoopsLocked(); err != nil {
		return err
	}
	e.accepts[a] = struct{}{}
	for _, l := range e.loops {
		a.users.Add(1)
		if !l.inbox.post(note{do: func() { l.listen(a) }}) {
			a.leave()
		}
	}
	return nil
}

func (e *Engine) startLoopsLocked() error {
	if e.loops != nil {
		return nil
	}
	var loops []*loop
	for range e.options.Loops {
		l, err := newLoop(e)
		if err != nil {
			for _, l := range loops {
				l.end()
			}
			return fmt.Errorf("start event loop: %w", err)
		}
		loops = append(loops, l)
	}
	e.loops = loops
	for _, l := range loops {
		e.running.Go(l.run) // until stop, in Shutdown
	}
	return nil
}

// forget forgets an acceptor.
func (e *Engine) forget(a *acceptor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.accepts, a)
}

// Leave stops accepting on l, which was given to Serve, and closes it; Serve
// returns nil. The connections that were accepted on it stay. It reports whether
// l was being served.
func (e *Engine) Leave(l net.Listener) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for a := range e.accepts {
		if a.listener == l {
			a.stop(nil)
			return true
		}
	}
	return false
}

// enter gives a client's connection, which is counted, to the loop that has
// accepted it, or to the one that has the fewest.
func (e *Engine) enter(by *loop, from arrival) {
	l := by
	for _, other := range e.loops {
		if other.load.Load() < l.load.Load() {
			l = other
		}
	}
	if by.load.Load() <= l.load.Load()+imbalance {
		l = by
	}
	l.load.Add(1)
	if l == by {
		l.enter(from)
		return
	}
	if !l.inbox.post(note{arrival: from}) {
		from.fd.close()
		l.load.Add(-1)
		e.left()
	}
}

// left counts a connection of a client less.
func (e *Engine) left() {
	e.open.Add(-1)
	e.vacate()
}

// vacate makes loops that wait for room look again whether there is some.
func (e *Engine) vacate() {
	if e.full.Load() && e.full.Swap(false) {
		e.each(func(l *loop) {
			for _, in := range l.listeners {
				in.resume()
			}
		})
	}
}

// Shutdown stops accepting at once, closes the connections of clients that have
// no request under way, and lets the others end with their response. It waits
// for the requests in flight and the tunnels, and for a moment until clients have
// read their last response. When ctx ends it closes those that
// are left, and returns a *CutError if there were any. Afterwards the Engine is
// of no use.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	e.closing.Store(true) // first: who sees that nobody accepts may rely on it
	for a := range e.accepts {
		a.stop(nil)
	}
	loops := e.loops
	e.mu.Unlock()
	var busy sync.WaitGroup
	for _, l := range loops {
		busy.Add(1)
		if !l.inbox.post(note{do: func() { l.drain(busy.Done) }}) {
			busy.Done() // ended by another Shutdown
		}
	}
	empty := make(chan struct{})
	go func() { // ends when all loops are drained, or have ended
		busy.Wait()
		close(empty)
	}()
	select {
	case <-empty:
	case <-ctx.Done():
	}
	var cut atomic.Int64
	e.each(func(l *loop) { cut.Add(int64(l.stop())) })
	e.running.Wait()
	<-empty
	if n := cut.Load(); n > 0 {
		return &CutError{Open: int(n), Cause: context.Cause(ctx)}
	}
	return nil
}

// drain closes what is idle, and calls done when nothing is in flight any more and
// the clients have read their last response. A request that has arrived is not idle.
func (l *loop) drain(done func()) {
	if before := l.drained; before != nil {
		l.drained = func() { before(); done() }
		return
	}
	for _, c := range l.table {
		switch {
		case c == nil:
		case c.state == awaiting:
			c.lastCall()
		case c.state == resting, c.state == settling:
			c.close()
		case c.state == lingering:
			c.within(int64(shutdownLinger))
		}
	}
	l.drained = done
}

// stop breaks off what is in flight, returns how much that was, and ends the
// loop.
func (l *loop) stop() int {
	n := l.flights
	for _, c := range l.table {
		if c == nil {
			continue
		}
		switch c.state {
		case exchanging:
			c.exchange.clientGone()
		case tunnelling:
			c.closeTunnel()
		case lingering:
			c.close()
		default:
		}
	}
	l.stopped = true
	if l.drained != nil {
		l.drained()
		l.drained = nil
	}
	return n
}
