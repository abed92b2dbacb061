// Package settings holds the settings of the proxy that concern its clients. Those of
// an app are in package route, and what is the same for every proxy in package policy.
package settings

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Settings are how requests are carried. A Settings in use is never changed. It is
// replaced by another one, which is for the requests that begin from then on.
type Settings struct {
	// HideStatus leaves the status path to the app.
	HideStatus bool
	// TrustedProxies are the peers whose fields X-Forwarded-*, Forwarded and X-Real-IP
	// are believed. Empty: no peer is trusted.
	TrustedProxies []netip.Prefix
	// ProxyProtocol has each connection of a TrustedProxies peer begin with a header of
	// the PROXY protocol, which has the address of the client.
	ProxyProtocol bool
	// Limits bound the heads of requests and the framing of their content. A field that
	// is zero has the default of package http1.
	Limits http1.Limits
	// HeadTimeout is how long the head of a request may take from its first byte.
	// BodyTimeout is how long the client may be silent within its content. After either
	// the client gets a 408. IdleTimeout is how long a connection may be idle. It is also
	// how long a client may take none of a response; then the response is broken off.
	// Zero: 10 s, 30 s and 60 s.
	HeadTimeout, BodyTimeout, IdleTimeout time.Duration
	// DrainGrace is how long a connection without a request stays open during a shutdown.
	// HTTP/1.1 has no way to ask a client to leave before its next response, so a longer
	// time loses fewer requests. At most IdleTimeout. Zero: policy.DrainGrace.
	DrainGrace time.Duration
	// MinRate is the rate, in bytes a second, at which a client must send the content of
	// a request and take a response. Only the time counts in which dynlb waits for the
	// client. A client whose content is behind that rate by BodyTimeout gets a 408. When
	// it is behind in taking a response by IdleTimeout, the response is broken off. The
	// rate of the content is not checked while the instance responds, because the client
	// may wait for a part of the response. Zero: 240. Negative: no limit.
	MinRate int
	// MaxConnections is how many connections of clients may be open. When a further
	// client connects, the connection that has been idle the longest is closed. When none
	// is idle, responses end their connections, and the client is accepted when one is
	// closed. As many idle connections to instances are kept at most, and there is at most
	// one pipe for every four. Zero: no limit.
	MaxConnections int
	// MaxStreams bounds a sum: the open connections of clients, and the requests of HTTP/2
	// in flight beyond the first one of each connection. A further request gets a 503.
	// Zero: no limit.
	MaxStreams int
	// Plain has the clients that connect from now on speak plain HTTP, although the proxy
	// has a config of TLS.
	Plain bool
	// AltSvc is the value of a field Alt-Svc for the responses of instances over TLS, which
	// tells of HTTP/3 (RFC 7838). Empty: there is none.
	AltSvc string
	// RequestID is the name of the field with the id of a request that is for no app. Empty:
	// it has none.
	RequestID string
	// Describe has the outcomes of requests that are for no app describe them, and has
	// those for dynlb's own status recorded.
	Describe bool
}

// WithDefaults returns s with the defaults where it is zero.
func (s Settings) WithDefaults() Settings {
	s.Limits = s.Limits.WithDefaults()
	s.HeadTimeout = cmp.Or(s.HeadTimeout, 10*time.Second)
	s.BodyTimeout = cmp.Or(s.BodyTimeout, 30*time.Second)
	s.IdleTimeout = cmp.Or(s.IdleTimeout, 60*time.Second)
	s.DrainGrace = min(cmp.Or(s.DrainGrace, policy.DrainGrace), s.IdleTimeout)
	s.MinRate = cmp.Or(s.MinRate, 240) // as Kestrel and IIS
	return s
}

// Announces reports whether a connection of a peer begins with a header of the PROXY
// protocol.
func (s *Settings) Announces(peer string) bool { return s.ProxyProtocol && s.Trusts(peer) }

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
