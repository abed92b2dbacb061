package proxy

import (
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// guard stands between the clients and net/http, which is lenient with HTTP/1:
// it reads every byte first. A request that is not what RFC 9112 says, or larger
// or slower than it may be, net/http does not get to see; the guard answers it.
type guard struct {
	rules atomic.Pointer[rules] // for the requests that begin now
	gate  gate
	// refused is told of each request that the guard answers.
	refused func(conn net.Conn, e *http1.Error, took time.Duration)
	hurry   atomic.Bool // connections close at once
}

func newGuard(options *Options, refused func(net.Conn, *http1.Error, time.Duration)) *guard {
	g := &guard{refused: refused}
	g.configure(&options.Settings)
	return g
}

// configure changes the rules, and how many connections there may be.
func (g *guard) configure(s *Settings) {
	g.rules.Store(newRules(s))
	g.gate.setMost(s.MaxConnections)
}

// guardedListener is a listener whose connections are guarded. A listener for
// TLS goes inside, so that the guard reads what is decrypted.
type guardedListener struct {
	net.Listener
	guard  *guard
	closed chan struct{}
	once   sync.Once // closes it
}

// guarded returns l with its connections guarded by g.
func (g *guard) guarded(l net.Listener) *guardedListener {
	return &guardedListener{Listener: l, guard: g, closed: make(chan struct{})}
}

// Accept waits for the next connection, and before that for room for it.
func (l *guardedListener) Accept() (net.Conn, error) {
	if !l.guard.gate.wait(l.closed) {
		return nil, net.ErrClosed
	}
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.guard.gate.enter()
	return newGuardedConn(conn, l.guard), nil
}

// Close closes the listener.
func (l *guardedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// guardedKey is the context key of the *guardedConn that a request came on.
type guardedKey struct{}

// connContext is an http.Server.ConnContext.
func (g *guard) connContext(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, guardedKey{}, conn)
}

// connState is an http.Server.ConnState. It is called between reads.
func (g *guard) connState(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*guardedConn)
	switch {
	case !ok:
	case state == http.StateIdle && c.phase != passing:
		c.next()
	case state == http.StateHijacked:
		c.pass()
	}
}

// violationOn returns why the connection of a request is not read any more, or
// nil.
func violationOn(ctx context.Context) *http1.Error {
	if c, ok := ctx.Value(guardedKey{}).(*guardedConn); ok {
		return c.violation.Load()
	}
	return nil
}
