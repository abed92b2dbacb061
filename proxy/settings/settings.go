// Package settings holds the settings of the proxy that concern its clients. Those of
// an app are in package route, and what is the same for every proxy in package policy.
package settings

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
)

// Settings are how requests are carried. They are not changed once they are in use:
// others replace them, for the requests that begin from then on.
type Settings struct {
	// HideStatus leaves the status path to the app.
	HideStatus bool
	// TrustedProxies are the peers whose X-Forwarded-*, Forwarded and X-Real-IP
	// are believed. Empty: those of no peer.
	TrustedProxies []netip.Prefix
	// Limits bound the heads of requests and the framing of their
	// content. Zero fields: the defaults of package http1.
	Limits http1.Limits
	// HeadTimeout is how long the head of a request may take from its first byte,
	// and BodyTimeout how long the client may be silent within its content; then
	// it gets a 408. IdleTimeout is how long a connection may be idle, and how long
	// a client may take for one piece of a response, of 32 KiB at most: then the
	// request is given up. Zero: 10 s, 30 s and 60 s.
	HeadTimeout, BodyTimeout, IdleTimeout time.Duration
	// MinRate is the rate in bytes a second at which a client must send the content of
	// a request, and take that of a response. Only the time counts in which dynlb
	// waits for the client. A client that falls behind by BodyTimeout gets a 408; one
	// that takes a response so slowly is given up when it is behind by IdleTimeout.
	// While the instance responds, the request may be sent slower: the client may be
	// waiting for a part of the response. Zero: 240. Negative: none.
	MinRate int
	// MaxConnections is how many connections of clients may be open. For a further one,
	// the one that has been idle the longest is closed; when none is idle, it is not
	// accepted until one is closed, and responses end their connections. Idle connections to instances are not kept beyond
	// that number, and there is at most one pipe for every four. Zero: no limit.
	MaxConnections int
	// MaxStreams bounds the requests of HTTP/2 that are in flight beyond the first of
	// each connection, together with the connections of clients. A further one gets a
	// 503. Zero: no limit.
	MaxStreams int
}

// WithDefaults returns s with the defaults where it is zero.
func (s Settings) WithDefaults() Settings {
	s.Limits = s.Limits.WithDefaults()
	s.HeadTimeout = cmp.Or(s.HeadTimeout, 10*time.Second)
	s.BodyTimeout = cmp.Or(s.BodyTimeout, 30*time.Second)
	s.IdleTimeout = cmp.Or(s.IdleTimeout, 60*time.Second)
	s.MinRate = cmp.Or(s.MinRate, 240) // as Kestrel and IIS
	return s
}

// Trusts reports whether a peer, an IP address without a zone or "", is one of the
// TrustedProxies.
func (s *Settings) Trusts(peer string) bool {
	if len(s.TrustedProxies) == 0 {
		return false
	}
	ip, err := netip.ParseAddr(peer)
	if err != nil {
		return false
	}
	ip = ip.Unmap()
	return slices.ContainsFunc(s.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
