package proxy

import (
	"net/http"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// staleAfter is how long a connection may be idle and still be used: Node
// closes idle ones after 5 s, Bun after 10.
const staleAfter = 4 * time.Second

// pool keeps the idle connections to the instances.
//
// http.Transport has a pool of its own, but it decides alone when to send a
// request again: on every idle connection in turn, as long as each closes
// without a response, which is what Bun does with a handler that is silent for
// 10 s. So here the transport only makes connections, and exchange decides.
type pool struct {
	transport *http.Transport
	responses sync.Pool // of *http1.Response

	mu     sync.Mutex             // guards all below
	idle   map[string][]*upstream // by address, the one used last at the end
	sweep  *time.Timer            // calls expire; nil when nothing became idle since
	closed bool
}

func newPool(responseTimeout time.Duration, limits http1.Limits) *pool {
	return &pool{
		transport: newTransport(responseTimeout, limits),
		responses: sync.Pool{New: func() any { return http1.NewResponse(limits) }},
		idle:      make(map[string][]*upstream),
	}
}

// get returns the idle connection to address that was used last, or nil.
func (p *pool) get(address string) *upstream {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.idle[address]
	for n := len(list) - 1; n >= 0; n-- {
		u := list[n]
		list[n] = nil
		p.idle[address] = list[:n]
		if u.client.Err() == nil && time.Since(u.idleSince) < staleAfter {
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
	if p.closed {
		u.close()
		return
	}
	p.idle[u.address] = append(p.idle[u.address], u)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(staleAfter, p.expire)
	}
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
	for address, list := range p.idle {
		stale := 0
		for stale < len(list) && now.Sub(list[stale].idleSince) >= staleAfter {
			list[stale].close()
			stale++
		}
		n := copy(list, list[stale:])
		clear(list[n:])
		if n == 0 {
			delete(p.idle, address)
			continue
		}
		p.idle[address] = list[:n]
		if list[0].idleSince.Before(oldest) {
			oldest = list[0].idleSince
		}
	}
	p.sweep = nil
	if len(p.idle) > 0 {
		p.sweep = time.AfterFunc(oldest.Add(staleAfter).Sub(now), p.expire)
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
	for _, list := range p.idle {
		for _, u := range list {
			u.close()
		}
	}
	clear(p.idle)
}
