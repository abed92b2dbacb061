package std

import (
	"context"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// fate is what becomes of a client's connection after a response.
type fate uint8

const (
	stays   fate = iota // another request may follow
	lingers             // the client may still be sending
	closes              // the client knows that it is closed
	resets              // the client must see that something is wrong
	leaves              // it is another's now
)

// conn is a client's connection. Its goroutine reads requests of HTTP/1.1 from it,
// one after the other, and carries them.
type conn struct {
	outlet
	lane   *Lane
	done   func() // called when it is closed
	closed sync.Once
	intake intake
	prober prober
	peer   forward.Peer
	watcher

	used      bool           // a request was read
	request   *http1.Request // of which some was read; nil when none is
	rules     rules          // that it began under
	began     time.Time      // when it did
	body      http1.Body     // of the request that was read
	stopReads atomic.Bool    // read fails at once

	exchange exchange
	out      []byte           // what waits for flush; a buffer, or nil
	http10   bool             // the client speaks HTTP/1.0
	keep     bool             // and wants to send another request
	toHead   bool             // the method is HEAD
	delivery forward.Delivery // how the content goes to the client
	fate     fate
}

func newConn(l *Lane, netConn net.Conn, done func()) *conn {
	c := &conn{lane: l, done: done}
	c.outlet.conn, c.outlet.clock = netConn, &l.clock
	c.peer = forward.Peer{IP: addressOf(netConn), Scheme: "http"}
	newProber(&c.prober, netConn)
	c.exchange.init(l, c)
	return c
}

// addressOf returns the IP address of a connection's peer without its zone, which
// means nothing to others; "" when it has none, as on a Unix socket.
func addressOf(c net.Conn) string {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("").String()
	}
	return ""
}

// serve carries the requests on the connection, until it ends.
func (c *conn) serve() {
	defer c.lane.forget(c)
	defer c.rescue()
	for c.fate == stays {
		c.next()
	}
	switch c.fate {
	case leaves:
		return
	case lingers:
		c.linger()
	case resets:
		c.reset()
	default:
	}
	c.close()
}

// close closes the connection, once.
func (c *conn) close() {
	c.closed.Do(func() {
		_ = c.conn.Close() // nothing can be done
		c.lane.clock.leave()
		c.done()
	})
}

// rescue, deferred, keeps a panic from ending the process: a fault of ours in one
// exchange must not take all others with it.
func (c *conn) rescue() {
	cause := recover()
	if cause == nil {
		return
	}
	c.lane.options.Log.Error("connection panicked", "panic", cause, "stack", string(debug.Stack()))
	c.exchange.abandon()
	c.reset()
	c.close()
}

// reset has closing the connection reset it.
func (c *conn) reset() {
	if tcp, ok := c.conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // it is broken then
	}
}

// cut ends the connection, whatever it is about. It is called by Shutdown.
func (c *conn) cut() {
	c.exchange.halt(context.Canceled)
	_ = c.conn.Close() // nothing can be done
}
