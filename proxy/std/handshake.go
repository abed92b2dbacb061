package std

import (
	"context"
	"errors"
	"time"

	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// secure makes the connection one of TLS, if the lane speaks TLS with those that it has
// accepted. The handshake is left to shake, unless another lane has done it.
func (c *conn) secure(accepted bool) {
	if done, ok := c.outlet.conn.(*handshake.Done); ok {
		c.tls = tookOver(done)
	} else if accepted && c.lane.options.TLS != nil && !c.lane.options.Settings.Load().Plain {
		c.tls = newTLSConn(c.lane.options.TLS, c.conn)
		c.shaking = true
	}
	if c.tls != nil {
		c.outlet.conn, c.peer.Scheme = c.tls, "https"
	}
}

// shake does the handshake, if it is not done.
func (c *conn) shake() {
	if !c.shaking {
		return
	}
	limit := handshake.Limit(c.lane.options.Settings.Load().HeadTimeout)
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	lower := c.tls.wire.Conn.(*cipherSide)
	last := false
	lower.wait = func(err error) bool {
		switch {
		case !isTimeout(err) || c.unwanted.Load() || last:
			return false
		case c.lane.closing.Load(): // Shutdown wakes all reads
			last = true
			_ = c.tls.raw.SetReadDeadline(time.Now().Add(c.lane.options.Settings.Load().DrainGrace)) // the read reports the error
			return true
		default:
			_ = c.tls.raw.SetReadDeadline(noDeadline)
			return !c.lane.closing.Load() // Shutdown may have run in between
		}
	}
	c.lane.rests(&c.member, false)
	err := c.lane.options.TLS.Shake(ctx, c.tls.Conn, c.tls.wire)
	c.lane.idleConns.remove(&c.member)
	lower.wait, c.shaking = nil, false
	c.tls.answer()
	if err != nil {
		c.unshaken(err, limit)
	}
}

// unshaken ends a connection whose handshake, with the given limit, has failed with err.
func (c *conn) unshaken(err error, limit time.Duration) {
	server := c.lane.options.TLS
	switch begun := handshake.PlainHTTP(err); {
	case begun != nil:
		c.outlet.conn, c.peer.Scheme = c.tls.raw, "http"
		c.tls = nil
		c.intake.hold(begun)
		c.rules = c.lane.rules()
		c.turnAway(policy.ErrPlainHTTP)
	case errors.Is(err, context.DeadlineExceeded):
		server.Failed(handshake.SlowError(limit), c.conn.RemoteAddr().String())
		c.fate = closes
	case c.unwanted.Load() || c.lane.closing.Load():
		c.fate = closes
	default:
		server.Failed(err, c.conn.RemoteAddr().String())
		c.fate = closes
	}
}

// speaksStreams reports whether the client must speak HTTP/2, and whether it may: over
// TLS it says so by ALPN.
func (c *conn) speaksStreams() (must, may bool) {
	if c.tls == nil {
		return false, true
	}
	is := c.tls.ConnectionState().NegotiatedProtocol == handshake.ProtocolHTTP2
	return is, is
}

// isPreface reports whether b begins with the preface of HTTP/2, and whether it may be
// the beginning of it.
func (c *conn) isPreface(b []byte) (has, may bool) {
	must, allowed := c.speaksStreams()
	if !allowed {
		return false, false
	}
	has, may = http1.HasPreface(b)
	if must && !has && !may {
		c.fate = closes
	}
	return has, may
}
