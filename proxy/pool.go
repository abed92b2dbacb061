package proxy

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// pool keeps the idle connections to the instances.
//
// http.Transport has a pool of its own, but it decides alone when to send a
// request again: on every idle connection in turn, as long as each closes
// without a response, which is what Bun does with a handler that is silent for
// 10 s. So here the transport only makes connections, and exchange decides.
type pool struct {
	open atomic.Int64 // connections, with those being made

	mu     sync.Mutex // guards all below
	dialer *dialer
	hosts  map[registry.Endpoint]*host
	most   int         // connections of clients that there may be; 0: no bound
	sweep  *time.Timer // calls expire; nil when nothing became idle since
	closed bool
}

// host has the connections to one endpoint, as long as they are of use. The pool
// guards it.
type host struct {
	idle    []*upstream // the one used last at the end
	dropped bool        // the connections are not kept any more
}

func newPool(s *Settings) *pool {
	return &pool{dialer: newDialer(s), hosts: make(map[registry.Endpoint]*host), most: s.MaxConnections}
}

// configure changes how connections are made, and drops those that were made
// otherwise.
func (p *pool) configure(s *Settings) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.most = s.MaxConnections
	if p.dialer.timeout == s.RequestTimeout && p.dialer.limits == s.Limits {
		return
	}
	p.dialer = newDialer(s)
	for endpoint := range p.hosts {
		p.dropLocked(endpoint)
	}
}

// to returns what a new connection to endpoint is made with, and belongs to, makes
// room for it, and counts it.
func (p *pool) to(endpoint registry.Endpoint) (*dialer, *host) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.makeRoomLocked()
	p.open.Add(1)
	h := p.hosts[endpoint]
	if h == nil {
		h = &host{dropped: p.closed}
		p.hosts[endpoint] = h
	}
	return p.dialer, h
}

// makeRoomLocked closes the connection that has been idle for longest, if there are
// as many as there may be clients. At most as many are in use, but for those of
// HTTP/2; the idle ones would come on top.
func (p *pool) makeRoomLocked() {
	if p.most <= 0 || p.open.Load() < int64(p.most) {
		return
	}
	var oldest *host
	for _, h := range p.hosts {
		if len(h.idle) > 0 && (oldest == nil || h.idle[0].idleSince.Before(oldest.idle[0].idleSince)) {
			oldest = h
		}
	}
	if oldest != nil {
		oldest.idle[0].close()
		oldest.idle = slices.Delete(oldest.idle, 0, 1)
	}
}

// get returns the idle connection to endpoint that was used last, or nil.
func (p *pool) get(endpoint registry.Endpoint) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := p.hosts[endpoint]
	if h == nil {
		return nil
	}
	for n := len(h.idle) - 1; n >= 0; n-- {
		u := h.idle[n]
		h.idle[n] = nil
		h.idle = h.idle[:n]
		if u.client.Err() == nil && time.Since(u.idleSince) < settings.StaleAfter {
			u.reused = true
			return u
		}
		u.close()
	}
	return nil
}

// put takes a connection that has become idle.
func (p *pool) put(u *upstream) {
	u.idleSince = time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if u.host.dropped {
		u.close()
		return
	}
	u.host.idle = append(u.host.idle, u)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(settings.StaleAfter, p.expire)
	}
}

// Drop closes the idle connections to endpoint, and makes that those in use are
// closed when they become idle. New ones are kept again.
func (p *pool) Drop(endpoint registry.Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropLocked(endpoint)
}

func (p *pool) dropLocked(endpoint registry.Endpoint) {
	h := p.hosts[endpoint]
	if h == nil {
		return
	}
	delete(p.hosts, endpoint)
	h.dropped = true
	for _, u := range h.idle {
		u.close()
	}
	h.idle = nil
}

// expire closes the connections that nobody used for too long.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	now := time.Now()
	oldest := now
	some := false
	for _, h := range p.hosts {
		stale := 0
		for stale < len(h.idle) && now.Sub(h.idle[stale].idleSince) >= settings.StaleAfter {
			h.idle[stale].close()
			stale++
		}
		h.idle = slices.Delete(h.idle, 0, stale)
		if len(h.idle) > 0 && h.idle[0].idleSince.Before(oldest) {
			oldest = h.idle[0].idleSince
		}
		some = some || len(h.idle) > 0
	}
	p.sweep = nil
	if some {
		p.sweep = time.AfterFunc(oldest.Add(settings.StaleAfter).Sub(now), p.expire)
	}
}

// close closes all idle connections, and from now on those that become idle.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	for endpoint := range p.hosts {
		p.dropLocked(endpoint)
	}
}
