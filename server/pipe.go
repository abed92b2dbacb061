package server

import (
	"context"
	"net"
	"sync"
)

// pipeNetwork is the network of the addresses of net.Pipe's connections.
const pipeNetwork = "pipe"

// pipe is a listener within the process, without a port. Only the gateway dials it.
type pipe struct {
	dialed chan net.Conn
	closed chan struct{}
	close  func() // closes closed, once
}

func newPipe() *pipe {
	p := &pipe{dialed: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

// Dial connects to the listener. It waits for Accept.
func (p *pipe) Dial(ctx context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.dialed <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept returns the server's end of the next connection.
func (p *pipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialed:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close makes Dial and Accept fail. Connections stay open. It returns nil and may be
// called again.
func (p *pipe) Close() error {
	p.close()
	return nil
}

// Addr returns an address of pipeNetwork.
func (p *pipe) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return pipeNetwork }
func (pipeAddr) String() string  { return pipeNetwork }
