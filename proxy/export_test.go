package proxy

import (
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Trust makes the instance at an address proven: it sends no stray bytes.
func (p *Proxy) Trust(address string) {
	p.TrustEndpoint(registry.Endpoint{Network: "tcp", Address: address})
}

// TrustEndpoint is Trust for any endpoint.
func (p *Proxy) TrustEndpoint(at registry.Endpoint) {
	for tidy := p.conduct.Of(at); tidy.After(true) == policy.Rest; {
		tidy.Rested(true, true)
	}
}
