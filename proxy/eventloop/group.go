//go:build linux

package eventloop

import (
	"fmt"
	"log/slog"
	"maps"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// imbalance is how many connections more than the least loaded loop a loop may have
// and still keep one that it has accepted: to hand one over wakes the other loop.
const imbalance = 2

// Options are what a Group needs. Only Protocol is required.
type Options struct {
	// Loops is how many event loops there are. Zero: GOMAXPROCS. With fewer, loops keep
	// their processor of Go's scheduler during short waits, which costs less.
	Loops int
	// Protocol returns the protocol of a loop's connections. It is called once for
	// each loop, before the loop runs.
	Protocol func(*Loop) Protocol
	// MaxConns returns how many accepted connections may be open; more are not
	// accepted until one is closed. Zero: no limit. All loops call it, for each
	// connection: it must be fast. Nil: no limit.
	MaxConns func() int
	// MakeRoom is called by a loop when a client waits to be accepted and there is no
	// room. It closes an accepted connection that is not needed, or has another
	// goroutine do so. Nil: the client waits until one is closed.
	MakeRoom func(*Loop)
	// Log gets a line when accepting fails. Nil: none is written.
	Log *slog.Logger
}

// Group is a number of event loops that share listeners. Create one with NewGroup.
// All methods are safe for concurrent use.
type Group struct {
	options Options
	open    atomic.Int64 // accepted connections, detached ones too, and those of Admit
	full    atomic.Bool  // a loop waits for one to be closed
	pipes   atomic.Int64
	closing atomic.Bool // Close was called
	running sync.WaitGroup

	mu        sync.Mutex // guards all below
	loops     []*Loop    // nil before the first Serve; the loops read it without mu
	keep      bool       // the loops keep their processors; see processors
	acceptors map[*acceptor]struct{}
}

// NewGroup returns a Group. Nothing runs before Serve; then call Close, Stop each
// loop, and Wait.
func NewGroup(options Options) *Group {
	if options.Loops <= 0 {
		options.Loops = runtime.GOMAXPROCS(0)
	}
	if options.MaxConns == nil {
		options.MaxConns = func() int { return 0 }
	}
	if options.MakeRoom == nil {
		options.MakeRoom = func(*Loop) {}
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	return &Group{options: options, acceptors: make(map[*acceptor]struct{})}
}

// Loops returns the loops. There are none before the first Serve.
func (g *Group) Loops() []*Loop {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.loops
}

// Open returns how many accepted connections are open, with those of Admit.
func (g *Group) Open() int { return int(g.open.Load()) }

// Full reports whether a client waits for one of the accepted connections to be closed.
func (g *Group) Full() bool { return g.full.Load() }

// Closing reports whether Close was called.
func (g *Group) Closing() bool { return g.closing.Load() }

// each posts a function to each loop.
func (g *Group) each(do func(*Loop)) {
	for _, l := range g.Loops() {
		l.Post(Func(func() { do(l) }))
	}
}

// start begins to accept, unless the group is closed: then it stops the acceptor.
// It starts the loops unless they run.
func (g *Group) start(a *acceptor) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing.Load() {
		a.stop(nil)
		return nil // no loop has it: Serve closes it
	}
	if err := g.startLoopsLocked(); err != nil {
		return err
	}
	g.acceptors[a] = struct{}{}
	for _, l := range g.loops {
		a.users.Add(1)
		if !l.Post(Func(func() { l.listen(a) })) {
			a.leave()
		}
	}
	return nil
}

func (g *Group) startLoopsLocked() error {
	if g.loops != nil {
		return nil
	}
	var loops []*Loop
	g.keep = keeping.take(g.options.Loops, runtime.GOMAXPROCS(0))
	for range g.options.Loops {
		l, err := newLoop(g)
		if err != nil {
			g.letGo()
			for _, l := range loops {
				l.end()
			}
			return fmt.Errorf("start event loop: %w", err)
		}
		loops = append(loops, l)
	}
	g.loops = loops
	for _, l := range loops {
		g.running.Go(l.run) // until Loop.Stop; Wait waits for it
	}
	return nil
}

// forget removes an acceptor.
func (g *Group) forget(a *acceptor) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.acceptors, a)
}

// Leave stops accepting on l, which was given to Serve, and closes it; Serve
// returns nil. The connections that wait to be accepted are accepted first; they and
// those that were accepted before stay. It reports whether l was being served. No loop
// may call it.
func (g *Group) Leave(l net.Listener) bool {
	for _, a := range g.serving() {
		if a.listener == l {
			a.stop(nil)
			a.awaitLeft()
			return true
		}
	}
	return false
}

// Close stops accepting on all listeners, for good. The connections that wait to be
// accepted are accepted first. No loop may call it.
func (g *Group) Close() {
	g.mu.Lock()
	g.closing.Store(true) // first: a client that is refused may rely on it
	g.mu.Unlock()
	all := g.serving()
	for _, a := range all {
		a.stop(nil)
	}
	for _, a := range all {
		a.awaitLeft()
	}
}

// serving returns the acceptors.
func (g *Group) serving() []*acceptor {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.acceptors))
}

// letGo gives the processors of the loops back.
func (g *Group) letGo() {
	if g.keep {
		keeping.give(g.options.Loops)
		g.keep = false
	}
}

// Wait returns when all loops have ended, each after Loop.Stop.
func (g *Group) Wait() {
	g.running.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.letGo()
}

// place gives an accepted connection, which is counted, to the loop that has
// accepted it, or to the one that has the fewest.
func (g *Group) place(by *Loop, from Arrival) {
	l := by
	for _, other := range g.loops {
		if other.load.Load() < l.load.Load() {
			l = other
		}
	}
	if by.load.Load() <= l.load.Load()+imbalance {
		l = by
	}
	l.load.Add(1)
	if l == by {
		l.protocol.Accept(from)
		return
	}
	if !l.Post(Func(func() { l.protocol.Accept(from) })) {
		from.Socket.Close()
		l.load.Add(-1)
		g.releaseConn()
	}
}

// releaseConn counts one accepted connection less.
func (g *Group) releaseConn() {
	g.open.Add(-1)
	g.WakeAcceptors()
}

// Admit counts a connection that the group has not accepted, if there is room. release must
// be called when it is closed.
func (g *Group) Admit() (release func(), ok bool) {
	limit := int64(g.options.MaxConns())
	if g.open.Add(1) > limit && limit > 0 {
		g.releaseConn()
		return nil, false
	}
	return g.releaseConn, true
}

// WakeAcceptors has loops that wait for room check again whether there is some. Call
// it when MaxConns has grown.
func (g *Group) WakeAcceptors() {
	if g.full.Load() && g.full.Swap(false) {
		g.each(func(l *Loop) {
			for _, in := range l.listeners {
				in.resume()
			}
		})
	}
}
