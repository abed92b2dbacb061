package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/dynlb/dynlb/proxy/fast"
)

// Serve accepts connections on l until Shutdown or Leave, and returns nil then. Clients
// may speak HTTP/1.1, or HTTP/2 with prior knowledge. Serve closes l. Several listeners
// may be served at the same time.
func (p *Proxy) Serve(l net.Listener) error {
	err := errors.ErrUnsupported
	if p.fast != nil {
		err = p.fast.Serve(l)
	}
	if errors.Is(err, errors.ErrUnsupported) { // l is untouched then
		err = p.std.Serve(l)
	}
	if err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	return nil
}

// Leave stops Serve for one listener and closes the listener. The connections that were
// accepted on it stay.
func (p *Proxy) Leave(l net.Listener) {
	if p.std.Leave(l) || p.fast != nil && p.fast.Leave(l) {
		return
	}
	_ = l.Close() // it is closed already
}

// ServeHTTP3 serves clients of HTTP/3 on a socket until Shutdown or LeaveHTTP3, and returns
// nil when the last of them has left. It closes the socket. Options.TLS must be set.
func (p *Proxy) ServeHTTP3(socket *net.UDPConn) error { return p.http3.Serve(socket) }

// LeaveHTTP3 has ServeHTTP3 refuse new clients and ask those that there are to leave. It does
// not wait for them.
func (p *Proxy) LeaveHTTP3(socket *net.UDPConn) { p.http3.Leave(socket) }

// EndKeepAlive makes each response that begins from now on the last one on its
// connection: clients get Connection: close, or a GOAWAY. New connections are accepted.
// Call it some time before Shutdown. It cannot be undone.
func (p *Proxy) EndKeepAlive() {
	p.std.EndKeepAlive()
	if p.fast != nil {
		p.fast.EndKeepAlive()
	}
}

// Shutdown ends the Proxy, which cannot be used afterwards. First it accepts the
// connections that wait to be accepted, and then no others. Each connection ends with its
// next response; one without a request may still send one within Settings.DrainGrace.
// Shutdown waits for the requests in flight and for the tunnels. When ctx ends, it answers
// the requests that have no response with a 503, breaks the other responses off, and
// returns an error with the number of both.
func (p *Proxy) Shutdown(ctx context.Context) error {
	p.http3.LeaveAll()
	fast := make(chan int, 1)
	go func() { fast <- p.shutdownFast(ctx) }()
	open := p.std.Shutdown(ctx)
	open += <-fast
	open += p.std.Shutdown(ctx) // again, for connections that the fast lane handed over meanwhile
	p.http3.Close()
	p.departures.stop()
	if open > 0 {
		return fmt.Errorf("drain requests: %d cut off: %w", open, context.Cause(ctx))
	}
	return nil
}

// shutdownFast shuts the fast engine down. It returns the number of requests and tunnels
// that were broken off.
func (p *Proxy) shutdownFast(ctx context.Context) int {
	if p.fast == nil {
		return 0
	}
	if cut, ok := errors.AsType[*fast.CutError](p.fast.Shutdown(ctx)); ok {
		return cut.Open
	}
	return 0
}
