package server

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// maxConnections is the maximum number of connections of each control listener.
// Any client that reaches a listener may connect, with a token or without, and
// each connection takes a file descriptor that the public listener may need.
const maxConnections = 256

// boundedListener is a listener with at most maxConnections connections. Further
// ones wait in the kernel's queue until one is closed.
type boundedListener struct {
	net.Listener
	strangers *strangers
	onTLS     func(net.Conn) error // nil, or handles a client that speaks TLS to a plain port
	places    chan struct{}        // holds one value per connection
	closed    chan struct{}
	end       func()        // closes closed, once
	open      *atomic.Int64 // connections
}

func newBoundedListener(l net.Listener, s *strangers) *boundedListener {
	b := &boundedListener{Listener: l, strangers: s, places: make(chan struct{}, maxConnections), closed: make(chan struct{}), open: new(atomic.Int64)}
	b.end = sync.OnceFunc(func() { close(b.closed) })
	return b
}

// Accept waits for a place, and then for a connection.
func (b *boundedListener) Accept() (net.Conn, error) {
	select {
	case b.places <- struct{}{}:
	case <-b.closed:
		return nil, net.ErrClosed
	}
	conn, err := b.Listener.Accept()
	if err != nil {
		<-b.places
		return nil, err
	}
	c := &boundedConn{Conn: conn, address: conn.RemoteAddr().String(), host: hostOf(conn), onTLS: b.onTLS}
	b.open.Add(1)
	c.free = sync.OnceFunc(func() {
		b.open.Add(-1)
		b.strangers.remove(c)
		<-b.places
	})
	if _, ok := conn.RemoteAddr().(*net.TCPAddr); ok { // other addresses do not tell clients apart
		b.strangers.add(c)
	}
	return c, nil
}

// Close makes Accept fail. Connections stay open.
func (b *boundedListener) Close() error {
	b.end()
	return b.Listener.Close()
}

// boundedConn is a connection that holds a place.
type boundedConn struct {
	net.Conn
	address string      // of the client, with its port
	host    string      // of the client
	timer   *time.Timer // closes it while it is a stranger's
	free    func()      // frees the place, once
	onTLS   func(net.Conn) error
	begun   bool // the first bytes were read
}

// Read reads from the connection. A TLS handshake is handled in place of the server.
func (c *boundedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if c.begun || n == 0 {
		return n, err
	}
	c.begun = true
	if c.onTLS != nil && n > 1 && b[0] == 0x16 && b[1] == 3 { // RFC 8446, 5.1: a handshake record of version 3.x
		return 0, c.onTLS(c.Conn)
	}
	return n, err
}

// Close closes the connection and frees its place.
func (c *boundedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
