package std

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// told is when the client last sent something through a tunnel, in nanoseconds since the
// exchange began.
type told struct{ at atomic.Int64 }

// switchProtocols carries a 101 (Switching Protocols). It returns an error if the client
// did not ask for the protocol.
func (x *exchange) switchProtocols(u *upstream, r *http1.Response) error {
	client, ok := x.client.(tunneler)
	if !ok || !x.readsAll() || !forward.Switches(r, x.marks.Upgrade.Of(x.head)) {
		return policy.ErrSwitch
	}
	x.outcome.Stream = true
	x.told.at.Store(int64(time.Since(x.started)))
	x.lease.Stream()
	x.lease.Responded(x.answered(u), r.Status)
	if err := x.toClient(client.switchTo(r, u.intake.bytes())); err != nil {
		return err
	}
	u.intake.skip(len(u.intake.bytes()))
	x.outcome.Code, x.tunnel = r.Status, true
	x.record()
	return nil
}

// relay carries the bytes of the tunnel until it ends.
func (x *exchange) relay(u *upstream) {
	x.client.unwatch()
	x.client.(tunneler).relay(u)
	u.close()
}

// pump carries bytes in one direction until the sender ends its side, and then ends that
// side of the receiver. limit is how long the receiver may take nothing. pump reports
// whether the tunnel is intact.
func (x *exchange) pump(u *upstream, from net.Conn, in *intake, to *outlet, limit time.Duration) bool {
	up := to == &u.outlet
	for {
		if b := in.bytes(); len(b) > 0 {
			if up {
				x.uploaded(len(b))
			}
			if _, err := to.write(b, limit); err != nil {
				if up {
					x.tunnelEnded(u)
				}
				return false
			}
			if !up {
				x.lease.Carried(len(b))
			}
			in.skip(len(b))
			in.shrink()
		}
		err := in.read(from)
		if err != nil && isTimeout(err) { // Shutdown wakes all reads
			_ = from.SetReadDeadline(noDeadline) // the read reports the error
			continue
		}
		if err != nil && !up {
			x.tunnelEnded(u)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			closeWrite(to.conn)
			return true
		default:
			return false
		}
	}
}

// uploaded notes that the client has sent n bytes through the tunnel.
func (x *exchange) uploaded(n int) {
	x.told.at.Store(int64(time.Since(x.started)))
	x.lease.Uploaded(n)
}

// tunnelEnded notes that the instance has ended its side of the tunnel, unless dynlb has
// closed it.
func (x *exchange) tunnelEnded(u *upstream) {
	if !u.closed.Load() {
		x.lease.TunnelEnded(x.method+" "+string(x.outcome.Route), time.Since(x.started)-time.Duration(x.told.at.Load()))
	}
}

// relay carries bytes in both directions until both peers have ended their sides.
func (c *conn) relay(u *upstream) {
	for _, side := range []*outlet{&c.outlet, &u.outlet} {
		_ = side.conn.SetReadDeadline(noDeadline) // the reads report the error
	}
	var down sync.WaitGroup
	down.Go(func() { // ends with the tunnel; waited for below
		if !c.exchange.pump(u, u.conn, &u.intake, &c.outlet, c.rules.IdleTimeout) {
			c.endTunnel(u)
		}
	})
	if !c.exchange.pump(u, c.conn, &c.intake, &u.outlet, c.exchange.timeout) {
		c.endTunnel(u)
	}
	down.Wait()
	c.fate = closes
}

// endTunnel breaks the tunnel off.
func (c *conn) endTunnel(u *upstream) {
	u.close()
	_ = c.conn.Close() // an error changes nothing
}
