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
