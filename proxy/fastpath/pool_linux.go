package fastpath

import (
	"fmt"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// pool is what a loop knows of one instance: where it is, and the connections to
// it that are idle, the one used last at the end.
type pool struct {
	loop     *loop
	endpoint registry.Endpoint
	to       unix.Sockaddr // nil when err is not
	err      error         // why it cannot be connected to
	idle     []*conn
	dropped  bool // connections are closed when they become idle
}

// poolOf returns the pool of an endpoint. There are few of them.
func (l *loop) poolOf(endpoint registry.Endpoint) *pool {
	for _, p := range l.pools {
		if p.endpoint == endpoint {
			return p
		}
	}
	p := &pool{loop: l, endpoint: endpoint}
	p.to, p.err = sockaddr(endpoint)
	l.pools = append(l.pools, p)
	return p
}

// sockaddr returns the socket address of a TCP endpoint whose host is an IP
// address: looking a name up would block.
func sockaddr(endpoint registry.Endpoint) (unix.Sockaddr, error) {
	if endpoint.Network != "tcp" {
		return nil, fmt.Errorf("connect to %v: %w", endpoint, net.UnknownNetworkError(endpoint.Network))
	}
	at, err := netip.ParseAddrPort(endpoint.Address)
	if err != nil {
		return nil, fmt.Errorf("address of instance: %w", err)
	}
	if ip := at.Addr().Unmap(); ip.Is4() {
		return &unix.SockaddrInet4{Port: int(at.Port()), Addr: ip.As4()}, nil
	}
	return &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}, nil
}

// get takes the connection that was used last, or returns nil.
//
// What an instance sends before it is asked is no response, so a connection on
// which there is something must not be used. What epoll told before this turn is
// noted on all connections before any of them is used (see loop.turn), so for the
// hot path that is known without a system call; what comes between then and the
// moment the request is sent, a fraction of a millisecond, is not. careful asks
// the socket, too.
func (p *pool) get(careful bool) *conn {
	for last := len(p.idle) - 1; last >= 0; last-- {
		c := p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		c.state = serving
		if c.ready&(readable|ended|broken) == 0 && c.timer.at > p.loop.now && (!careful || c.fd.quiet()) {
			return c
		}
		c.close()
	}
	return nil
}

// put takes a connection that has become idle.
func (p *pool) put(c *conn) {
	if p.dropped || p.loop.engine.closing.Load() || c.ready&(readable|ended|broken) != 0 {
		c.close()
		return
	}
	c.state = resting
	c.exchange = nil
	c.within(int64(settings.StaleAfter))
	p.idle = append(p.idle, c)
}

// remove forgets an idle connection.
func (p *pool) remove(c *conn) {
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
}

// rested is called when something happened to an idle connection: its end, or
// bytes that nobody asked for.
func (c *conn) rested() {
	if c.ready&(readable|ended|broken) != 0 {
		c.close()
	}
}

// drop closes the idle connections to an endpoint, and those in use when they
// become idle.
func (l *loop) drop(endpoint registry.Endpoint) {
	for i, p := range l.pools {
		if p.endpoint != endpoint {
			continue
		}
		p.dropped = true
		l.pools = slices.Delete(l.pools, i, i+1)
		p.closeIdle()
		return
	}
}

// makeRoom is called before a connection to an instance is made. There are at most
// as many in use as there are clients, but idle ones would come on top: those to
// instances that had more to do a moment ago, and those of other loops. When there
// are as many as there may be clients, idle ones are closed, so that descriptors
// for two connections for each client are enough.
func (l *loop) makeRoom() {
	if !l.full() || l.closeOldest() {
		return
	}
	l.engine.each(func(other *loop) {
		for other.full() && other.closeOldest() {
		}
	})
}

// full reports whether there are as many connections to instances as there may be
// clients.
func (l *loop) full() bool {
	limit := int64(l.engine.settings.Load().MaxConnections)
	return limit > 0 && l.engine.behind.Load() >= limit
}

// closeOldest closes the connection of this loop that has been idle for longest, if
// there is one.
func (l *loop) closeOldest() bool {
	var oldest *conn
	for _, p := range l.pools {
		if len(p.idle) > 0 && (oldest == nil || p.idle[0].timer.at < oldest.timer.at) {
			oldest = p.idle[0]
		}
	}
	if oldest == nil {
		return false
	}
	oldest.close()
	return true
}

func (p *pool) closeIdle() {
	for _, c := range slices.Clone(p.idle) {
		c.close()
	}
}
