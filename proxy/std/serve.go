package std

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"time"
)

// The pauses after a temporary error of Accept, such as a lack of descriptors. They
// double from the shorter to the longer one, as in net/http.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// listening is a listener that is served.
type listening struct {
	net.Listener
	stopping chan struct{} // closed by stop
	once     sync.Once     // closes it
	closed   chan struct{} // closed when the listener is closed, and Serve takes no more connections
}

// stop has the listener closed, after the connections that wait to be accepted.
func (l *listening) stop() {
	l.once.Do(func() {
		close(l.stopping)
		if timed, ok := l.Listener.(interface{ SetDeadline(time.Time) error }); ok {
			if timed.SetDeadline(longAgo) == nil {
				return // Accept fails, and Serve closes it
			}
		}
		_ = l.Close() // it is closed already
	})
}

// isStopping reports whether stop was called.
func (l *listening) isStopping() bool {
	select {
	case <-l.stopping:
		return true
	default:
		return false
	}
}

// Serve accepts connections on l until Shutdown or Leave, and returns nil then. It
// closes l. Several listeners may be served at the same time.
func (l *Lane) Serve(listener net.Listener) error {
	in := &listening{Listener: listener, stopping: make(chan struct{}), closed: make(chan struct{})}
	l.mu.Lock()
	l.listeners[in] = struct{}{}
	if l.closing.Load() {
		in.stop()
	}
	l.mu.Unlock()
	defer func() {
		l.acceptLast(in)
		_ = in.Close() // it may be closed already
		close(in.closed)
		l.mu.Lock()
		delete(l.listeners, in)
		l.mu.Unlock()
	}()
	for pause := time.Duration(0); ; {
		conn, err := in.Accept()
		switch {
		case err == nil:
			pause = 0
			if !l.gate.enter(in.stopping) {
				_ = conn.Close() // an error changes nothing
				return nil
			}
			l.accept(conn, l.gate.leave)
		case in.isStopping(), errors.Is(err, net.ErrClosed):
			return nil
		case !temporary(err):
			return fmt.Errorf("accept: %w", err)
		default:
			pause = min(max(2*pause, minPause), maxPause)
			l.options.Log.Warn(fmt.Sprintf("http: Accept error: %v; retrying in %v", err, pause))
			in.pause(pause)
		}
	}
}

// maxLast bounds how many connections acceptLast accepts. More do not wait by default
// (net.core.somaxconn).
const maxLast = 4096

// acceptLast accepts the connections that wait when a listener stops: closing it would
// reset them.
func (l *Lane) acceptLast(in *listening) {
	for range maxLast {
		conn := acceptWaiting(in.Listener)
		if conn == nil {
			return
		}
		if !l.gate.enter(in.stopping) {
			_ = conn.Close() // there is no room
			return
		}
		l.accept(conn, l.gate.leave)
	}
}

// pause returns after d, or when the listener stops.
func (l *listening) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.stopping:
	}
}

// temporary reports whether accepting may work again after an error.
func temporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// Leave stops Serve for one listener and closes the listener. The connections that wait
// to be accepted are accepted first; they and those that were accepted before stay. It
// reports whether the listener was being served.
func (l *Lane) Leave(listener net.Listener) bool {
	for _, in := range l.serving() {
		if in.Listener == listener {
			in.stop()
			<-in.closed
			return true
		}
	}
	return false
}

// serving returns the listeners that are served.
func (l *Lane) serving() []*listening {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Keys(l.listeners))
}

// Shutdown ends the Lane, which cannot be used afterwards. First it accepts the
// connections that wait to be accepted, and then no others. Each connection ends with its
// response; one without a request may still send one within Settings.DrainGrace. Shutdown
// waits for the requests in flight and for the tunnels, and for a short time until clients
// have read their last response. When ctx ends, it answers the requests that have no
// response with a 503, and breaks the other responses off. It returns the number of both
// and of the tunnels. It may be called again.
func (l *Lane) Shutdown(ctx context.Context) (cut int) {
	l.closing.Store(true) // first: a caller that sees connections refused relies on it
	all := l.serving()
	for _, in := range all {
		in.stop()
	}
	for _, in := range all {
		<-in.closed
	}
	l.each(func(c *conn) { _ = c.conn.SetReadDeadline(longAgo) }) // wakes those that wait for a request; the read reports the error
	l.pool.close()                                                // an instance that serves one connection at a time is free for others
	l.streams.leave()
	l.eachSession((*Session).Leave)
	if l.running.wait(ctx) == nil {
		l.streams.close()
		return 0
	}
	cut = l.flights.count()
	l.cutting.Store(true)
	l.each((*conn).cut)
	l.streams.cut()
	l.eachSession(func(s *Session) { s.cut() })
	l.endLoans()
	last, cancel := context.WithTimeout(context.Background(), 2*shutdownLinger)
	defer cancel()
	_ = l.running.wait(last) // clients read their last response
	l.each((*conn).abandon)
	l.eachSession(func(s *Session) { s.remote.Close() })
	l.streams.close()
	_ = l.running.wait(context.Background()) // all that they wait for is closed
	return cut
}

// each calls do for each connection.
func (l *Lane) each(do func(*conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		do(c)
	}
}
