package fastpath

import (
	"io"
	"net/http"

	"golang.org/x/sys/unix"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// tunnel is what becomes of an exchange whose instance has switched to another
// protocol: bytes both ways, until both sides have ended theirs.
type tunnel struct {
	client, instance *conn
	lease            registry.Lease
}

// switchProtocols passes a 101 on, and opens the tunnel.
func (x *exchange) switchProtocols(r *http1.Response, rest []byte) {
	l, c, u := x.loop, x.client, x.upstream
	if !x.wholeSent || !forward.Switches(r, x.marks.Upgrade.Of(x.head)) {
		x.broke(policy.ErrSwitch)
		return
	}
	x.code = http.StatusSwitchingProtocols
	x.responded(x.code)
	b := forward.AppendSwitch(l.out[:0], r)
	x.dropResponse()
	if !x.toClient(b, rest) {
		return
	}
	u.keep(nil)
	if early := c.held.bytes(); len(early) > 0 { // the client did not wait
		if err := u.send(early); err != nil {
			x.clientGone()
			return
		}
		c.held.release(&l.buffers)
	}
	t := &tunnel{client: c, instance: u, lease: x.lease}
	x.lease, x.upstream = registry.Lease{}, nil
	l.flights++ // the tunnel's
	x.land()
	for _, side := range []*conn{c, u} {
		side.exchange, side.tunnel, side.state = nil, t, tunnelling
		side.took()
	}
	l.later(c)
}

// relay is the state of both connections of a tunnel.
func (c *conn) relay() {
	t := c.tunnel
	if !t.pump(t.client, t.instance) || !t.pump(t.instance, t.client) {
		c.closeTunnel()
		return
	}
	if t.client.hungUp && t.instance.hungUp {
		c.closeTunnel()
	}
}

// pump carries bytes one way, and the end of them. It reports whether the tunnel
// is intact.
func (t *tunnel) pump(from, to *conn) bool {
	for range rounds {
		switch n, err := to.flush(); {
		case err != nil:
			return false
		case to.out.empty():
			to.took()
		case n > 0, !to.stalling:
			t.stall(to)
			return true
		default:
			return true
		}
		if from.finished {
			if !to.hungUp {
				to.hungUp = true
				to.fd.closeWrite()
			}
			return from.ready&unix.EPOLLERR == 0 // else it is gone, and reading does not tell
		}
		b, err := from.receive()
		switch {
		case err == nil:
			if to.send(b) != nil {
				return false
			}
		case err == errAgain: //nolint:errorlint // it is the very value
			return true
		case isEnd(err):
			from.finished = true
		default:
			return false
		}
	}
	from.loop.later(from)
	return true
}

// stall gives one side time to take something of what waits for it: a client as long
// as it may be idle, an instance as long as for a request.
func (t *tunnel) stall(c *conn) {
	if s := c.loop.settings; c == t.client {
		c.stall(s.IdleTimeout)
	} else if s.RequestTimeout > 0 {
		c.stall(s.RequestTimeout)
	}
}

// stalled is called when that time is up.
func (t *tunnel) stalled(c *conn) {
	if c.tookNothing() {
		c.closeTunnel()
		return
	}
	t.stall(c)
}

// closeTunnel ends the tunnel.
func (c *conn) closeTunnel() {
	t := c.tunnel
	t.client.close()
	t.instance.close()
	t.lease.Release()
	c.loop.landed()
}

// isEnd reports whether err is the end of what a peer sends.
func isEnd(err error) bool { return err == io.EOF } //nolint:errorlint // it is the very value
