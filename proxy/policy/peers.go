package policy

import (
	"log/slog"
	"net/netip"
	"sync"
)

// The prefixes that are one network of peers in the log: what a site has.
const (
	network4 = 24
	network6 = 64
)

// maxNetworks bounds how many networks have a line in the log: anyone can cause one.
const maxNetworks = 32

// Peers logs what is wrong with the peers that send requests, once for each network. The
// zero value is ready for use. Its methods are safe for concurrent use.
type Peers struct {
	replaced, headless networks
}

// Replaced logs that fields which describe the client, such as X-Forwarded-For, were
// replaced because the peer that sent them is not trusted. One with a private address is
// likely a proxy that ought to be.
func (p *Peers) Replaced(log *slog.Logger, peer string) {
	network, first := p.replaced.add(peer)
	if !first {
		return
	}
	const notice = "forwarded fields of a client replaced: see the key trustedProxies if it is a proxy of yours"
	if ip := network.Addr(); ip.IsPrivate() || ip.IsLoopback() {
		log.Warn(notice, "client", peer, "network", network.String())
	} else {
		log.Info(notice, "client", peer, "network", network.String())
	}
}

// Headless logs that a trusted peer's connection was closed because it did not begin with
// a header of the PROXY protocol.
func (p *Peers) Headless(log *slog.Logger, peer string, cause error) {
	if network, first := p.headless.add(peer); first {
		log.Warn("connection of a trusted proxy closed: see the key proxyProtocol", "client", peer, "network", network.String(), "cause", cause)
	}
}

// networks are networks of peers.
type networks struct {
	mu    sync.Mutex // guards known
	known map[netip.Prefix]struct{}
}

// add returns the network of a peer, and whether it is a new one that is to be logged.
func (n *networks) add(peer string) (network netip.Prefix, first bool) {
	ip, err := netip.ParseAddr(peer)
	if err != nil {
		return network, false
	}
	bits := network4
	if ip.Is6() {
		bits = network6
	}
	network, _ = ip.Prefix(bits) // the bits are in range
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, known := n.known[network]; known || len(n.known) >= maxNetworks {
		return network, false
	}
	if n.known == nil {
		n.known = make(map[netip.Prefix]struct{})
	}
	n.known[network] = struct{}{}
	return network, true
}
