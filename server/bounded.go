package server

import (
	"net"
	"sync"
)

// maxConnections is how many each control listener has at once. Whoever reaches
// a listener may connect, token or not; the file descriptors that this takes are
// those that the public listener needs.
const maxConnections = 256

// bounded is a listener that has a bound of connections. Further ones wait, in
// the kernel's queue, until one is closed.
type bounded struct {
	net.Listener
	places chan struct{} // one for each connection there is
	closed chan struct{}
	end    func() // closes closed, once
}

func newBounded(l net.Listener) *bounded {
	b := &bounded{Listener: l, places: make(chan struct{}, maxConnections), closed: make(chan struct{})}
	b.end = sync.OnceFunc(func() { close(b.closed) })
	return b
}

// Accept waits for a place, and then for a connection.
func (b *bounded) Accept() (net.Conn, error) {
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
	return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-b.places })}, nil
}

// Close makes Accept fail; connections stay.
func (b *bounded) Close() error {
	b.end()
	return b.Listener.Close()
}

// placed is a connection that has a place.
type placed struct {
	net.Conn
	leave func() // once
}

// Close gives the place to another.
func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}
