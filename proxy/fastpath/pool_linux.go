package fastpath

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// pool is what a loop knows of one instance: where it is, and the connections to
// it that are idle, the one used last at the end.
type pool struct {
	loop     *loop
	endpoint registry.Endpoint
	to       unix.Sockaddr // nil when err is not
	err      error         // why it cannot be connected to
	tidy     *policy.Tidiness
	idle     []*conn
	aside    []*conn // those that rest before they are idle, the first one first
	dropped  bool    // connections are closed when they become idle
}

// poolOf returns the pool of an endpoint. There are few of them.
func (l *loop) poolOf(endpoint registry.Endpoint) *pool {
	for _, p := range l.pools {
		if p.endpoint == endpoint {
			return p
		}
	}
	p := &pool{loop: l, endpoint: endpoint, tidy: l.engine.options.Conduct.Of(endpoint)}
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
// moment the request is sent, a fraction of a millisecond, is not. When careful,
// and as long as the instance is not proven, the socket is asked, too.
func (p *pool) get(idempotent, careful bool) *conn {
	if !p.tidy.Reusable() {
		p.closeIdle() // another loop has seen stray bytes
		return nil
	}
	careful = careful || p.tidy.Ask(idempotent)
	for last := len(p.idle) - 1; last >= 0; last = len(p.idle) - 1 {
		c := p.idle[last]
		p.idle[last] = nil
		p.idle = p.idle[:last]
		c.state = serving
		if c.ready&(readable|ended|broken) == 0 && c.timer.at > p.loop.now && (!careful || c.fd.quiet()) {
			return c
		}
		c.closeUnasked()
	}
	return nil
}

// put takes a connection whose response has ended. content says whether that
// could have content.
func (p *pool) put(c *conn, content bool) {
	if p.dropped || p.loop.engine.closing.Load() || c.ready&(readable|ended|broken) != 0 {
		c.closeUnasked()
		return
	}
	switch p.tidy.After(content) {
	case policy.Now:
		p.rest(c, settings.StaleAfter)
	case policy.Rest:
		c.state, c.exchange = settling, nil
		c.within(int64(policy.Settle))
		p.aside = append(p.aside, c)
	default:
		c.close()
	}
}

// rest makes a connection idle, for a time.
func (p *pool) rest(c *conn, d time.Duration) {
	c.state, c.exchange = resting, nil
	c.within(int64(d))
	p.idle = append(p.idle, c)
}

// settled is called when a connection has rested for long enough.
func (p *pool) settled(c *conn) {
	if c.ready&(readable|ended|broken) != 0 || !c.fd.quiet() {
		c.closeUnasked()
		return
	}
	p.forget(&p.aside, c)
	p.tidy.Rested(true)
	p.rest(c, settings.StaleAfter-policy.Settle)
}

// disturbed is called when a connection is closed before it has rested.
func (p *pool) disturbed(c *conn) {
	p.forget(&p.aside, c)
	p.tidy.Rested(false)
}

// stray is called when the instance has sent what no request asked for.
func (p *pool) stray() {
	if p.tidy.Stray() {
		p.loop.engine.options.Log.Warn("instance sends bytes that no request asked for: its connections are not reused", "address", p.endpoint.Address)
	}
	p.closeIdle()
}

// closeUnasked closes a connection on which something came that no request asked
// for, if only its end.
func (c *conn) closeUnasked() {
	n, _ := c.fd.peek()
	p := c.pool
	c.close()
	if n > 0 {
		p.stray()
	}
}

// remove forgets an idle connection.
func (p *pool) remove(c *conn) { p.forget(&p.idle, c) }

// forget takes a connection out of a list.
func (p *pool) forget(list *[]*conn, c *conn) {
	if i := slices.Index(*list, c); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
	}
}

// rested is called when something happened to an idle connection: its end, or
// bytes that nobody asked for.
func (c *conn) rested() {
	if c.ready&(readable|ended|broken) != 0 {
		c.closeUnasked()
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
	for _, p := range l.pools {
		if len(p.aside) > 0 && oldest == nil {
			oldest = p.aside[0]
		}
	}
	if oldest == nil {
		return false
	}
	oldest.close()
	return true
}

func (p *pool) closeIdle() {
	for _, c := range slices.Concat(p.idle, p.aside) {
		c.close()
	}
}
