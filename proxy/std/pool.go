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
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// pool makes connections to the instances, and keeps those that are idle.
type pool struct {
	clock   *clock
	conduct *policy.Conduct
	log     *slog.Logger
	open    atomic.Int64 // connections, with those being made
	max     func() int   // open connections beyond which idle ones are closed; 0: no bound
	// dial makes a connection. Tests replace it.
	dial func(ctx context.Context, to registry.Endpoint) (net.Conn, error)

	mu     sync.Mutex // guards all below
	hosts  map[registry.Endpoint]*host
	sweep  *time.Timer // calls expire; nil before it is needed
	due    time.Time   // when it does; zero: it does not
	closed bool
}

// host has the connections to one endpoint, as long as they are of use. The pool
// guards it.
type host struct {
	tidy    *policy.Tidiness
	idle    []*upstream // the one used last at the end
	aside   []*upstream // those that rest before they are idle
	dropped bool        // connections are not kept any more
}

func newPool(clock *clock, conduct *policy.Conduct, limit func() int, log *slog.Logger) *pool {
	return &pool{
		clock: clock, conduct: conduct, log: log, max: limit, dial: dialEndpoint,
		hosts: make(map[registry.Endpoint]*host),
	}
}

// dialEndpoint connects to an endpoint.
func dialEndpoint(ctx context.Context, to registry.Endpoint) (net.Conn, error) {
	dialer := net.Dialer{Timeout: settings.DialTimeout}
	return dialer.DialContext(ctx, to.Network, to.Address)
}

// connect makes a connection. It does not belong to the pool until put.
func (p *pool) connect(ctx context.Context, to registry.Endpoint) (*upstream, error) {
	host := p.admit(to)
	limit := p.clock.limit(settings.DialTimeout)
	for {
		conn, err := p.dial(ctx, to)
		if err == nil {
			u := &upstream{pool: p, host: host}
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

// admit returns what a new connection belongs to, makes room for it and counts it.
func (p *pool) admit(to registry.Endpoint) *host {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.makeRoomLocked()
	p.open.Add(1)
	h := p.hosts[to]
	if h == nil {
		h = &host{tidy: p.conduct.Of(to), dropped: p.closed}
		p.hosts[to] = h
	}
	return h
}

// makeRoomLocked closes the connection that was used longest ago, if there are as many
// as there may be clients. At most as many are in use, but for those of HTTP/2; the
// others would come on top.
func (p *pool) makeRoomLocked() {
	if limit := p.max(); limit <= 0 || p.open.Load() < int64(limit) {
		return
	}
	var oldest *upstream
	for _, h := range p.hosts {
		for _, list := range [][]*upstream{h.idle, h.aside} {
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
	h.aside = slices.DeleteFunc(h.aside, func(other *upstream) bool { return other == u })
	h.tidy.Rested(false)
}

// get returns the idle connection to an endpoint that was used last and is still
// of use, or nil.
func (p *pool) get(to registry.Endpoint) *upstream {
	for {
		u := p.take(to)
		if u == nil {
			return nil
		}
		stray, err := u.prober.ask()
		if err == nil {
			u.reuse()
			return u
		}
		u.close()
		if stray {
			p.stray(u)
		}
	}
}

// take takes the idle connection to an endpoint that was used last out of the
// pool.
func (p *pool) take(to registry.Endpoint) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[to]
	if h == nil {
		return nil
	}
	for now := time.Now(); len(h.idle) > 0; {
		last := len(h.idle) - 1
		u := h.idle[last]
		h.idle[last] = nil
		h.idle = h.idle[:last]
		if now.Before(u.due) && h.tidy.Reusable() {
			return u
		}
		u.close()
	}
	return nil
}

// put takes a connection whose response has ended. content says whether such a
// response can have content.
func (p *pool) put(u *upstream, content bool) {
	if !u.intake.empty() {
		u.close()
		p.stray(u)
		return
	}
	u.intake.release()
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.host.dropped {
		u.close()
		return
	}
	u.used = time.Now()
	switch u.host.tidy.After(content) {
	case policy.Now:
		u.due = u.used.Add(settings.StaleAfter)
		u.host.idle = append(u.host.idle, u)
	case policy.Rest:
		u.due = u.used.Add(policy.Settle)
		u.host.aside = append(u.host.aside, u)
	default:
		u.close()
		return
	}
	p.sweepByLocked(u.due)
}

// stray notes that the instance sent what no request asked for.
func (p *pool) stray(u *upstream) {
	if u.host.tidy.Stray() {
		p.log.Warn("instance sends bytes that no request asked for: its connections are not reused", "address", u.conn.RemoteAddr().String())
	}
}

// Drop closes the idle connections to an endpoint, and those in use when they
// become idle. New ones are kept again.
func (p *pool) Drop(to registry.Endpoint) {
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
	for _, u := range h.aside {
		u.close()
		h.tidy.Rested(false)
	}
	h.idle, h.aside = nil, nil
}

// close closes all idle connections, and from now on those that become idle.
func (p *pool) close() {
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
