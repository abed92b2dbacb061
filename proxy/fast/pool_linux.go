package fast

import (
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// pool holds a worker's connections to one instance that carry no request.
type pool struct {
	worker   *worker
	app      *route.App
	endpoint registry.Endpoint
	address  eventloop.Address
	err      error // why the endpoint has no address
	tidiness *policy.Tidiness
	idle     []*upstream // the one used last at the end
	aside    []*upstream // those that rest before they are idle, the first one first
	dropped  bool        // connections are closed when they become idle
}

// poolOf returns the pool of an endpoint. There are few of them. An endpoint that was
// one of another app gets a new pool.
func (w *worker) poolOf(endpoint registry.Endpoint, app *route.App) *pool {
	for _, p := range w.pools {
		if p.endpoint != endpoint {
			continue
		}
		if p.app == app {
			return p
		}
		w.drop(endpoint)
		break
	}
	p := &pool{worker: w, app: app, endpoint: endpoint, tidiness: w.engine.conduct.Of(endpoint)}
	p.address, p.err = eventloop.ResolveAddress(endpoint.Network, endpoint.Address)
	w.pools = append(w.pools, p)
	return p
}

// dialError returns an error of connecting, with the address.
func (p *pool) dialError(err error) error {
	dial := &net.OpError{Op: "dial", Net: p.endpoint.Network, Err: err}
	switch p.endpoint.Network {
	case "tcp":
		at, bad := netip.ParseAddrPort(p.endpoint.Address)
		if bad != nil {
			return err
		}
		dial.Addr = net.TCPAddrFromAddrPort(at)
	case "unix":
		dial.Addr = &net.UnixAddr{Name: p.endpoint.Address, Net: "unix"}
	default:
		return err
	}
	return dial
}

// get takes the connection that was used last, or returns nil if there is none or that
// was idle for longer than policy.IdleTime allows.
//
// Bytes that an instance sends before a request are no response, so a connection
// with unread bytes must not be used. The loop notes on all connections what the
// poller reported before any of them is used in a turn, so the hot path knows of
// unread bytes without a system call, except for those that arrive within the turn, a
// fraction of a millisecond. If the loop is crowded, or the instance's tidiness asks
// for it, get asks the socket, too.
func (p *pool) get(idempotent, crowded bool) *upstream {
	if !p.tidiness.Reusable() {
		p.closeIdle() // another loop has seen stray bytes
		return nil
	}
	ask := crowded || p.tidiness.Ask(idempotent)
	now := p.worker.loop.Now()
	limit := p.app.IdleTime().Limit(idempotent, p.app.KeepAlive())
	for last := len(p.idle) - 1; last >= 0; last = len(p.idle) - 1 {
		u := p.idle[last]
		u.rested = time.Duration(now - u.since)
		if u.rested >= limit && !u.Readable() && u.Deadline() > now {
			p.spare(u)
			return nil
		}
		p.idle[last] = nil
		p.idle = p.idle[:last]
		u.state = serving
		if !u.Readable() && u.Deadline() > now && (!ask || u.Socket().Quiet()) {
			return u
		}
		p.closeStray(u)
	}
	return nil
}

// put takes a connection whose response has ended. content says whether that could
// have content.
func (p *pool) put(u *upstream, content bool) {
	u.since = p.worker.loop.Now()
	keep := p.app.KeepAlive()
	if p.dropped || p.worker.engine.group.Closing() || u.Readable() || keep == 0 {
		p.closeStray(u)
		return
	}
	u.used = true
	switch p.tidiness.After(content) {
	case policy.Now:
		p.rest(u, keep)
	case policy.Rest:
		u.state, u.request, u.bare = aside, nil, !content
		u.Within(policy.Settle)
		p.aside = append(p.aside, u)
	default:
		u.close()
	}
}

// rest makes a connection idle, for a time. Until the instance is known to keep
// connections, only a few are kept.
func (p *pool) rest(u *upstream, d time.Duration) {
	if d <= 0 || len(p.idle) >= policy.MaxSpared && !p.app.IdleTime().Proven() {
		u.close()
		return
	}
	u.state, u.request = idle, nil
	u.Within(d)
	p.idle = append(p.idle, u)
}

// settle makes a connection idle that has been aside for long enough.
func (p *pool) settle(u *upstream) {
	if u.Readable() || !u.Socket().Quiet() {
		p.closeStray(u)
		return
	}
	p.aside = without(p.aside, u)
	u.state = serving // it is in neither list
	p.app.IdleTime().Survived(policy.Settle)
	if !p.tidiness.Rested(!u.bare, true) {
		u.close()
		return
	}
	p.rest(u, p.app.KeepAlive()-policy.Settle)
}

// spare leaves a connection idle that has been so for too long for the present request.
// What it lives through shows how long the instance keeps connections. If there are
// many of them, the connection is closed.
func (p *pool) spare(u *upstream) {
	if first := p.idle[0]; !first.Readable() {
		p.app.IdleTime().Survived(time.Duration(p.worker.loop.Now() - first.since))
	}
	if len(p.idle) > policy.MaxSpared {
		u.close()
	}
}

// expire closes a connection that has been idle for as long as connections are kept.
func (p *pool) expire(u *upstream) {
	if u.Socket().Quiet() {
		p.app.IdleTime().Survived(time.Duration(p.worker.loop.Now() - u.since))
	}
	p.closeStray(u)
}

// idleReady closes a connection that carries no request when bytes or its end arrive.
func (p *pool) idleReady(u *upstream) {
	if u.Readable() {
		p.closeStray(u)
	}
}

// remove takes a connection out of the pool.
func (p *pool) remove(u *upstream) {
	if u.state == aside {
		p.aside = without(p.aside, u)
		p.tidiness.Rested(!u.bare, false)
		return
	}
	p.idle = without(p.idle, u)
}

// without returns list without u.
func without(list []*upstream, u *upstream) []*upstream {
	if i := slices.Index(list, u); i >= 0 {
		return slices.Delete(list, i, i+1)
	}
	return list
}

// closeStray closes a connection on which bytes arrived that no request asked for,
// or its end.
func (p *pool) closeStray(u *upstream) {
	n, errno := u.Socket().Peek()
	idle := time.Duration(p.worker.loop.Now() - u.since)
	u.close()
	switch {
	case n > 0:
		p.stray()
	case errno != syscall.EAGAIN && !p.dropped:
		p.app.Connections().Ended.Add(p.worker.shard, 1)
		p.app.IdleTime().Ended(idle)
	}
}

// stray notes that the instance has sent bytes that no request asked for.
func (p *pool) stray() {
	if p.tidiness.Stray() {
		p.worker.engine.log.Warn("instance sends bytes that no request asked for: its connections are not reused", "endpoint", p.endpoint.String())
	}
	p.closeIdle()
}

// closeIdle closes the connections that carry no request.
func (p *pool) closeIdle() {
	for _, u := range slices.Concat(p.idle, p.aside) {
		u.close()
	}
}

// drop closes the idle connections to an endpoint, and those in use when they
// become idle.
func (w *worker) drop(endpoint registry.Endpoint) {
	for i, p := range w.pools {
		if p.endpoint == endpoint {
			p.dropped = true
			w.pools = slices.Delete(w.pools, i, i+1)
			p.closeIdle()
			return
		}
	}
}

// makeRoom is called before a connection to an instance is made. There are at most
// as many in use as there are clients, but idle ones would come on top: those to
// instances that had more to do a moment ago, and those of other loops. When there
// are as many as there may be clients, idle ones are closed, so that descriptors
// for two connections for each client are enough.
func (w *worker) makeRoom() {
	if !w.engine.full() || w.closeOldest() {
		return
	}
	w.engine.each(func(other *worker) {
		for other.engine.full() && other.closeOldest() {
		}
	})
}

// full reports whether there are as many connections to instances as there may be
// clients.
func (e *Engine) full() bool {
	limit := int64(e.settings.Load().MaxConnections)
	return limit > 0 && e.upstreams.Load() >= limit
}

// closeOldest closes the connection of this loop that has been idle for longest, if
// there is one.
func (w *worker) closeOldest() bool {
	var oldest *upstream
	for _, p := range w.pools {
		if len(p.idle) > 0 && (oldest == nil || p.idle[0].Deadline() < oldest.Deadline()) {
			oldest = p.idle[0]
		}
	}
	for _, p := range w.pools {
		if oldest == nil && len(p.aside) > 0 {
			oldest = p.aside[0]
		}
	}
	if oldest == nil {
		return false
	}
	oldest.close()
	return true
}
