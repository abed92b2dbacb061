package forward

import (
	"bytes"

	"github.com/dynlb/dynlb/proxy/http1"
)

// chain is whether the Forwarded fields (RFC 7239) of a trusted proxy pass.
type chain uint8

const (
	chainUnread chain = iota // there is none, or it was not looked at
	chainPasses              // it is the proxy's
	chainDrops               // it is what a client of the proxy wrote, or malformed
)

// agrees reports whether the Forwarded fields of a trusted proxy pass. Many proxies write
// X-Forwarded-For and pass on the Forwarded of any client. So it passes beside
// X-Forwarded-For only if both name the same client last.
func (c *claims) agrees(r *http1.Request) bool {
	if c.chain != chainUnread {
		return c.chain == chainPasses
	}
	c.chain = chainDrops
	node, ok := r.LastForwardedFor()
	if address, both := r.LastXForwardedFor(); ok && (!both || bytes.Equal(nodeOf(address), node)) {
		c.chain = chainPasses
	}
	return c.chain == chainPasses
}

// nodeOf returns an address of X-Forwarded-For without brackets, which some proxies write.
func nodeOf(address []byte) []byte { return bytes.Trim(address, "[]") }

// standard reports whether the Forwarded fields are all that a trusted proxy says about its
// client.
func (c *claims) standard() bool {
	return c.chain == chainPasses && !c.fors && !c.hosts && !c.protos
}

// believe takes the host and the scheme from the first element of the Forwarded fields,
// which is the one closest to the client.
func (c *claims) believe(r *http1.Request) {
	for i := range r.Fields {
		if r.Fields[i].ID == http1.FieldForwarded {
			first, _, _ := http1.NextForwarder(r.Fields[i].Value) // agrees has read it
			c.host, c.proto = first.Host, first.Proto
			return
		}
	}
}

// appendNodes appends the nodes in the Forwarded fields of a request, as addresses of an
// X-Forwarded-For.
func appendNodes(b []byte, r *http1.Request) []byte {
	for i := range r.Fields {
		if r.Fields[i].ID != http1.FieldForwarded {
			continue
		}
		for rest := r.Fields[i].Value; len(rest) > 0; {
			var f http1.Forwarder
			if f, rest, _ = http1.NextForwarder(rest); len(f.For) > 0 {
				b = append(append(b, f.For...), ", "...)
			}
		}
	}
	return b
}
