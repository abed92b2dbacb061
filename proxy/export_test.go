package proxy

import (
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Trust makes the instance at an address proven: it sends no stray bytes.
func (p *Proxy) Trust(address string) {
	for tidy := p.conduct.Of(registry.Endpoint{Network: "tcp", Address: address}); tidy.After(true) == policy.Rest; {
		tidy.Rested(true)
	}
}

// BreakIdle makes writing on all idle connections fail, unnoticed by their
// owner, and returns how many they are.
func (p *Proxy) BreakIdle() int {
	p.pool.mu.Lock()
	defer p.pool.mu.Unlock()
	n := 0
	for _, h := range p.pool.hosts {
		for _, u := range h.idle {
			_ = u.socket.CloseWrite()
			n++
		}
	}
	return n
}
