package std

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/h2c"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// pool makes connections to instances, and keeps the idle ones.
type pool struct {
	clock   *clock
	conduct *policy.Conduct
	log     *slog.Logger
	open    atomic.Int64 // open connections, and dials under way
	max     func() int   // how many open connections make it close idle ones; 0: no limit
	// dial makes a connection. Tests replace it.
	dial  func(ctx context.Context, to registry.Endpoint) (net.Conn, error)
	calls *h2c.Pool // of connections to instances that speak HTTP/2

	mu     sync.Mutex // guards all below
	hosts  map[registry.Endpoint]*host
	sweep  *time.Timer // calls expire; nil before the first use
	due    time.Time   // when sweep fires; zero: it is not set
	closed bool
}

// host has the connections to one endpoint until Drop. The mutex of the pool guards
// it.
type host struct {
	app     *route.App
	tidy    *policy.Tidiness
	idle    []*upstream // in the order of use, the last one at the end
	resting []*upstream // not idle before they have rested; see policy.Tidiness
	dropped bool        // connections are closed when they become idle
	plain   atomic.Bool // the instance was asked, and does not speak HTTP/2
}

func newPool(clock *clock, conduct *policy.Conduct, limit func() int, log *slog.Logger) *pool {
	p := &pool{
		clock: clock, conduct: conduct, log: log, max: limit, dial: dialEndpoint,
		hosts: make(map[registry.Endpoint]*host),
	}
	p.calls = newCalls(p)
	return p
}

// dialEndpoint connects to an endpoint.
func dialEndpoint(ctx context.Context, to registry.Endpoint) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, policy.DialTimeout)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, to.Network, to.Address)
		if err == nil || !policy.IsBacklogFull(err) {
			return conn, err
		}
		select {
		case <-time.After(policy.RedialInterval):
		case <-ctx.Done():
			return nil, err
		}
	}
}

// connect makes a connection. It belongs to the caller until put.
func (p *pool) connect(ctx context.Context, to registry.Endpoint, app *route.App) (*upstream, error) {
	host := p.admit(to, app)
	limit := p.clock.limit(app.ConnectTimeout())
	for {
		conn, err := p.dialHost(ctx, to, host)
		if err == nil {
			u := &upstream{pool: p, host: host}
			u.call, _ = conn.(*h2c.Conn)
			u.outlet.conn, u.clock = conn, p.clock
			newProber(&u.prober, conn)
			return u, nil
		}
		if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && ctx.Err() == nil {
			p.clock.look()
			if time.Now().Before(limit.deadline()) {
				continue // the process was held up, not the instance
			}
		}
		p.open.Add(-1)
		return nil, err
	}
}

// admit makes room for a new connection, counts it, and returns its host.
func (p *pool) admit(to registry.Endpoint, app *route.App) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.makeRoomLocked()
	p.open.Add(1)
	h := p.hosts[to]
	if h != nil && h.app != app { // the endpoint was one of another app
		p.dropLocked(to)
		h = nil
	}
	if h == nil {
		h = &host{app: app, tidy: p.conduct.Of(to), dropped: p.closed}
		p.hosts[to] = h
	}
	return h
}

// makeRoomLocked closes the idle or resting connection that was used longest ago, if
// there are as many connections as there may be clients. Without it, idle connections
// would need descriptors in addition to one connection per client.
func (p *pool) makeRoomLocked() {
	if limit := p.max(); limit <= 0 || p.open.Load() < int64(limit) {
		return
	}
	var oldest *upstream
	for _, h := range p.hosts {
		for _, list := range [][]*upstream{h.idle, h.resting} {
			for _, u := range list {
				if oldest == nil || u.used.Before(oldest.used) {
					oldest = u
				}
			}
		}
	}
	if oldest != nil {
		oldest.host.removeLocked(oldest)
		oldest.close()
	}
}

// removeLocked takes a connection out of the pool.
func (h *host) removeLocked(u *upstream) {
	if i := slices.Index(h.idle, u); i >= 0 {
		h.idle = slices.Delete(h.idle, i, i+1)
		return
	}
	h.resting = slices.DeleteFunc(h.resting, func(other *upstream) bool { return other == u })
	h.tidy.Rested(!u.bare, false)
}

// get returns the idle connection to an endpoint that was used last and can be used
// again for a request that is idempotent or not, or nil.
func (p *pool) get(to registry.Endpoint, idempotent bool) *upstream {
	for {
		u := p.take(to, idempotent)
		if u == nil {
			return nil
		}
		stray, err := u.prober.ask()
		if err == nil {
			u.reuse()
			return u
		}
		p.ended(u, stray)
	}
}

// ended closes a connection that its instance has ended, or on which stray bytes have
// arrived.
func (p *pool) ended(u *upstream, stray bool) {
	u.close()
	if stray {
		p.stray(u)
	} else {
		u.host.app.Connections().Ended.Add(0, 1)
		u.host.app.IdleTime().Ended(u.quiet)
	}
}

// take removes the idle connection to an endpoint that was used last from the pool,
// and returns it. It returns nil if there is none, or if that one was idle for longer
// than policy.IdleTime allows.
func (p *pool) take(to registry.Endpoint, idempotent bool) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[to]
	if h == nil {
		return nil
	}
	keep := h.app.KeepAlive()
	limit := h.app.IdleTime().Limit(idempotent, keep)
	for now := time.Now(); len(h.idle) > 0; {
		last := len(h.idle) - 1
		u := h.idle[last]
		u.rested = now.Sub(u.used)
		usable := u.rested < limit
		if !usable && u.rested < keep && h.tidy.Reusable() && last < policy.MaxSpared {
			return nil
		}
		h.idle[last] = nil
		h.idle = h.idle[:last]
		if usable && h.tidy.Reusable() {
			return u
		}
		u.close()
	}
	return nil
}

// fullLocked reports whether no other connection may become idle, because the instance is
// not known to keep connections.
func (h *host) fullLocked() bool {
	return len(h.idle) >= policy.MaxSpared && !h.app.IdleTime().Proven()
}

// put gives a connection to the pool after a whole response. content reports whether
// such a response can have content.
func (p *pool) put(u *upstream, content bool) {
	if !u.intake.empty() {
		u.close()
		p.stray(u)
		return
	}
	u.intake.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	keep := u.host.app.KeepAlive()
	if u.host.dropped || keep == 0 {
		u.close()
		return
	}
	u.used, u.quiet, u.bare = time.Now(), 0, !content
	switch u.host.tidy.After(content) {
	case policy.Now:
		if u.host.fullLocked() {
			u.close()
			return
		}
		u.due = u.used.Add(min(policy.Settle, keep))
		u.host.idle = append(u.host.idle, u)
	case policy.Rest:
		u.due = u.used.Add(policy.Settle)
		u.host.resting = append(u.host.resting, u)
	default:
		u.close()
		return
	}
	p.sweepByLocked(u.due)
}

// stray notes that an instance sent bytes that no request asked for.
func (p *pool) stray(u *upstream) {
	if u.host.tidy.Stray() {
		p.log.Warn("instance sends bytes that no request asked for: its connections are not reused", "endpoint", u.conn.RemoteAddr().String())
	}
}

// Drop closes the idle connections to an endpoint now, and the connections in use when
// they become idle. It does not concern new connections.
func (p *pool) Drop(to registry.Endpoint) {
	p.calls.Drop(to)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked(to)
}

func (p *pool) dropLocked(to registry.Endpoint) {
	h := p.hosts[to]
	if h == nil {
		return
	}
	delete(p.hosts, to)
	h.dropped = true
	for _, u := range h.idle {
		u.close()
	}
	for _, u := range h.resting {
		u.close()
		h.tidy.Rested(!u.bare, false)
	}
	h.idle, h.resting = nil, nil
}

// close closes all idle connections, and from now on each one that becomes idle.
func (p *pool) close() {
	p.calls.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	for to := range p.hosts {
		p.dropLocked(to)
	}
}
