package std

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// switchProtocols passes a 101 (Switching Protocols) on. It returns an error if the
// client did not ask for that.
func (x *exchange) switchProtocols(u *upstream, r *http1.Response) error {
	client, ok := x.client.(tunneler)
	if !ok || !x.readsAll() || !forward.Switches(r, x.marks.Upgrade.Of(x.head)) {
		return policy.ErrSwitch
	}
	x.lease.Responded(x.answered(u), r.Status)
	if err := x.toClient(client.switchTo(r, u.intake.bytes())); err != nil {
		return err
	}
	u.intake.skip(len(u.intake.bytes()))
	x.outcome.Code, x.tunnel = r.Status, true
	x.record()
	return nil
}

// relay carries the tunnel, until it ends.
func (x *exchange) relay(u *upstream) {
	x.client.unwatch()
	x.client.(tunneler).relay(u)
	u.close()
}

// pump carries bytes one way, and the end of them. limit is how long the receiver may
// take nothing of what waits for it. It reports whether the tunnel is intact.
func pump(from net.Conn, in *intake, to *outlet, limit time.Duration) bool {
	for {
		if b := in.bytes(); len(b) > 0 {
			if _, err := to.write(b, limit); err != nil {
				return false
			}
			in.skip(len(b))
			in.shrink()
		}
		err := in.read(from)
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			closeWrite(to.conn)
			return true
		case isTimeout(err): // Shutdown wakes all connections
			_ = from.SetReadDeadline(noDeadline) // it fails as the read will
		default:
			return false
		}
	}
}

// relay carries bytes both ways between a client and an instance, until both sides
// have ended theirs.
func (c *conn) relay(u *upstream) {
	for _, side := range []*outlet{&c.outlet, &u.outlet} {
		_ = side.conn.SetReadDeadline(noDeadline) // it fails as the reads will
	}
	var down sync.WaitGroup
	down.Go(func() { // until the tunnel ends; waited for below
		if !pump(u.conn, &u.intake, &c.outlet, c.rules.IdleTimeout) {
			c.endTunnel(u)
		}
	})
	if !pump(c.conn, &c.intake, &u.outlet, c.exchange.timeout) {
		c.endTunnel(u)
	}
	down.Wait()
	c.fate = closes
}

// endTunnel breaks a tunnel off.
func (c *conn) endTunnel(u *upstream) {
	u.close()
	_ = c.conn.Close() // nothing can be done
}
