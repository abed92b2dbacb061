package std

import (
	"context"
	"net"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/proxyproto"
)

// fate is what becomes of a client's connection after a response.
type fate uint8

const (
	stays   fate = iota // another request may follow
	lingers             // the client may still be sending
	closes              // the client knows that it is closed
	resets              // the client must see that the response is incomplete
	leaves              // package net/http has the connection
)

// conn is a client's connection of HTTP/1.1. Its goroutine reads one request after the
// other and carries each of them.
type conn struct {
	outlet
	member
	lane   *Lane
	done   func() // called when the connection is closed
	closed sync.Once
	intake intake
	prober prober
	peer   forward.Peer
	watcher
	tls     *tlsConn // nil: plain TCP
	shaking bool     // the handshake is not done

	unwanted  atomic.Bool                // it was idle, and another client waits
	streams   atomic.Pointer[streamConn] // set when package net/http has it
	unnamed   *proxyproto.Conn           // a header of the PROXY protocol comes first; nil: none does
	used      bool                       // a request was read
	request   *http1.Request             // the reader of the present head; nil: no byte of it was read
	rules     rules                      // of the present request
	began     time.Time                  // when the first byte of the present head was read
	body      http1.Body                 // of the present request
	trailers  []byte                     // the trailer section of the present request
	stopReads atomic.Bool                // reads of content fail at once

	exchange exchange
	out      []byte           // bytes that wait for flush; nil: none
	http10   bool             // the client speaks HTTP/1.0
	keep     bool             // the client may send another request
	toHead   bool             // the method is HEAD
	delivery forward.Delivery // of the present response
	fate     fate
}

// newConn returns a connection; accepted: its first bytes are still to come.
func newConn(l *Lane, netConn net.Conn, accepted bool, done func()) *conn {
	c := &conn{lane: l, done: done}
	c.owner = c
	if c.unnamed = l.expectName(netConn); c.unnamed != nil {
		netConn = c.unnamed
	}
	c.outlet.conn, c.outlet.clock = netConn, &l.clock
	c.peer = forward.Peer{IP: addressOf(netConn), Scheme: "http"}
	c.secure(accepted)
	if c.tls != nil {
		netConn = c.tls.raw
	}
	newProber(&c.prober, netConn)
	c.exchange.init(l, c)
	return c
}

// addressOf returns the IP address of the peer of a connection, or "" if it has none, as
// on a Unix socket. It has no zone: zones have a meaning on one machine only.
func addressOf(c net.Conn) string {
	if tcp, ok := c.RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("").String()
	}
	return ""
}

// hostOf returns the IP address of a peer at host:port, as addressOf does.
func hostOf(address string) string {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return ""
	}
	return at.Addr().Unmap().WithZone("").String()
}

// serve carries the requests on the connection until it ends.
func (c *conn) serve() {
	defer c.lane.forget(c)
	defer c.rescue()
	c.readName()
	if c.fate == stays {
		c.shake()
	}
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

// close closes the connection. A second call does nothing.
func (c *conn) close() {
	c.closed.Do(func() {
		if c.tls != nil && c.fate != resets {
			c.tls.sayGoodbye()
		}
		_ = c.conn.Close() // an error changes nothing
		c.lane.clock.leave()
		c.done()
	})
}

// rescue keeps a panic in one exchange from ending the process. It is deferred.
func (c *conn) rescue() {
	cause := recover()
	if cause == nil {
		return
	}
	c.lane.options.Log.Error("connection panicked", "panic", cause, "stack", string(debug.Stack()))
	c.exchange.abandon()
	c.fate = resets
	c.reset()
	c.close()
}

// reset makes close reset the connection.
func (c *conn) reset() {
	if tcp, ok := c.conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0) // an error means that the connection is broken
	}
}

// cut ends the exchange on the connection: the time for draining is over. A client that
// was sent nothing of its response gets a 503.
func (c *conn) cut() {
	if c.exchange.cut() {
		return
	}
	c.abandon()
}

// abandon breaks the connection off, with the exchange on it.
func (c *conn) abandon() {
	c.exchange.halt(context.Canceled)
	_ = c.conn.Close() // an error changes nothing
}
