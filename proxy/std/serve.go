package std

import (
	"context"
	"errors"
	"fmt"
	"net"
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
	closed chan struct{}
	once   sync.Once // closes it
}

// stop closes the listener.
func (l *listening) stop() {
	l.once.Do(func() { close(l.closed) })
	_ = l.Close() // it is closed already
}

// Serve accepts connections on l until Shutdown or Leave, and returns nil then. It
// closes l. Several listeners may be served at the same time.
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
	for pause := time.Duration(0); !l.closing.Load(); {
		conn, err := in.Accept()
		switch {
		case err == nil:
			pause = 0
			if !l.gate.enter(in.closed) {
				_ = conn.Close() // an error changes nothing
				return nil
			}
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

// temporary reports whether accepting may work again after an error.
func temporary(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Temporary() bool
	}](err)
	return ok && t.Temporary()
}

// Leave stops Serve for one listener and closes the listener. The connections that were
// accepted on it stay. It reports whether the listener was being served.
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

// Shutdown stops accepting at once, closes the connections without a request in flight,
// and closes the others after their response. It waits for the requests in flight, for
// the tunnels, and for a short time until clients have read their last response. When
// ctx ends it breaks off the requests and tunnels that are left, and returns their
// number. The Lane cannot be used afterwards. Shutdown may be called again.
func (l *Lane) Shutdown(ctx context.Context) (cut int) {
	l.closing.Store(true) // first: a caller that sees connections refused relies on it
	l.mu.Lock()
	for in := range l.listeners {
		in.stop()
	}
	for c := range l.conns { // wakes the connections that wait for a request
		_ = c.conn.SetReadDeadline(longAgo) // the read reports the error
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
	_ = l.running.wait(context.Background()) // all that they wait for is closed
	return cut
}
