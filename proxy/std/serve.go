package std

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// How long accepting pauses after an error that may pass, such as a lack of
// descriptors: as in net/http, from the shorter to the longer.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// listening is a listener that is served.
type listening struct {
	net.Listener
	closed chan struct{}
	once   sync.Once // closes it
}

// stop closes the listener.
func (l *listening) stop() {
	l.once.Do(func() { close(l.closed) })
	_ = l.Close() // it is closed already
}

// Serve accepts connections on l, until Shutdown or Leave; then it returns nil. It
// closes l. It may be called for several listeners.
func (l *Lane) Serve(listener net.Listener) error {
	in := &listening{Listener: listener, closed: make(chan struct{})}
	l.mu.Lock()
	l.listeners[in] = struct{}{}
	l.mu.Unlock()
	defer func() {
		in.stop()
		l.mu.Lock()
		delete(l.listeners, in)
		l.mu.Unlock()
	}()
	for pause := time.Duration(0); !l.closing.Load() && l.gate.wait(in.closed); {
		conn, err := in.Accept()
		switch {
		case err == nil:
			pause = 0
			l.gate.enter()
			l.Take(conn, nil, l.gate.leave)
		case errors.Is(err, net.ErrClosed):
			return nil
		case !temporary(err):
			return fmt.Errorf("accept: %w", err)
		default:
			pause = min(max(2*pause, minPause), maxPause)
			l.options.Log.Warn(fmt.Sprintf("http: Accept error: %v; retrying in %v", err, pause))
			in.pause(pause)
		}
	}
	return nil
}

// pause returns after d, or when the listener is closed.
func (l *listening) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.closed:
	}
}

// temporary reports whether an error of accepting says nothing about the listener.
func temporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// Leave stops accepting on l, which was given to Serve, and closes it; Serve returns
// nil. The connections that were accepted on it stay. It reports whether l was being
// served.
func (l *Lane) Leave(listener net.Listener) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for in := range l.listeners {
		if in.Listener == listener {
			in.stop()
			return true
		}
	}
	return false
}

// Shutdown stops accepting at once, closes the connections that have no request under
// way, and lets the others end with their response. It waits for the requests in
// flight and the tunnels, and for a moment until clients have read their last
// response. When ctx ends it breaks off those that are left, and returns how many
// they were. Afterwards the Lane is of no use.
func (l *Lane) Shutdown(ctx context.Context) (cut int) {
	l.closing.Store(true) // first: what sees that nothing is accepted may rely on it
	l.mu.Lock()
	for in := range l.listeners {
		in.stop()
	}
	for c := range l.conns { // those that wait for a request wake, and see that it is over
		_ = c.conn.SetReadDeadline(longAgo) // it fails as the read will
	}
	l.mu.Unlock()
	defer l.pool.close()
	l.streams.shutdown(ctx)
	if l.running.wait(ctx) == nil {
		return 0
	}
	cut = l.flights.count()
	l.cutting.Store(true)
	l.mu.Lock()
	for c := range l.conns {
		c.cut()
	}
	l.mu.Unlock()
	l.streams.cut()
	_ = l.running.wait(context.Background()) // nothing that they wait for is left
	return cut
}
