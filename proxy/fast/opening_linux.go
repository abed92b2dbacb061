package fast

import "github.com/dynlb/dynlb/proxy/http1"

// tlsHandshake is the first byte of a ClientHello (RFC 8446, 5.1). No request
// begins with it.
const tlsHandshake = 0x16

// opensOtherwise reports whether b, the first bytes of a connection, are no request of
// HTTP/1.1, or may not be. It has acted on them then.
func (c *client) opensOtherwise(b []byte) bool {
	e := c.worker.engine
	if c.IsSecure() { // the handshake has chosen the protocol
		return false
	}
	has, may := http1.HasPreface(b)
	switch {
	case has:
		c.multiplex(b)
	case may:
		c.awaitRest(b)
	case b[0] == tlsHandshake && e.handover != nil:
		c.handOver(b)
	default:
		return false
	}
	return true
}

// scheme returns the scheme of the URLs that the client uses.
func (c *client) scheme() string {
	if c.stream != nil {
		c = c.stream.session.client
	}
	if c.IsSecure() {
		return "https"
	}
	return "http"
}
