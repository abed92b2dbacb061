package fast

import (
	"net/http"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
)

// tunnel is what a request becomes whose instance has switched to another
// protocol: bytes both ways, until both sides have ended their output.
type tunnel struct {
	client        *client
	upstream      *upstream
	app           *route.App
	lease         registry.Lease
	opened        string // the request that opened it, such as "GET /ws"
	told          int64  // the loop's time at which the client last sent something
	clientEnded   bool   // the client has ended its output
	upstreamEnded bool   // the instance has
}

// switchProtocols passes a 101 on, and opens the tunnel.
func (r *request) switchProtocols(head *http1.Response, rest []byte) {
	w, c, u := r.worker, r.client, r.upstream
	if r.sending != sendDone || !forward.Switches(head, r.marks.Upgrade.Of(r.head)) {
		r.broke(policy.ErrSwitch)
		return
	}
	r.outcome.Code = http.StatusSwitchingProtocols
	r.outcome.Stream = true
	r.lease.Stream()
	r.lease.Responded(w.since(r.sentAt), r.outcome.Code)
	b := w.out[:0]
	if c.stream != nil {
		c.stream.switchTo(head)
	} else {
		b = forward.AppendSwitch(b, head)
	}
	r.response.dropHead()
	if !r.response.toClient(b, rest) {
		return
	}
	u.Keep(nil)
	if early := c.Held(); len(early) > 0 { // the client did not wait
		if err := u.Send(early); err != nil {
			r.clientGone()
			return
		}
		c.DropHeld()
	}
	t := &tunnel{
		client: c, upstream: u, app: r.app, lease: r.lease, told: w.loop.Now(),
		opened: string(r.outcome.Method) + " " + string(r.outcome.Route),
	}
	r.upstream = nil
	r.attempt = attemptOver // without a release: the tunnel has the claim
	w.loop.Begin()          // of the tunnel
	r.conclude()
	c.tunnel = t
	c.enter(clientTunnelled)
	u.tunnel, u.state, u.request = t, upstreamTunnelled, nil
	c.Progressed()
	u.Progressed()
	c.Later()
}

// relay carries bytes both ways.
func (t *tunnel) relay() {
	c, u := &t.client.Conn, &t.upstream.Conn
	if !t.pump(c, u, &t.clientEnded) || !t.pump(u, c, &t.upstreamEnded) {
		t.close()
		return
	}
	if c.OutputEnded() && u.OutputEnded() {
		t.close()
	}
}

// pump carries bytes one way, and their end, which it notes in ended. It reports
// whether the tunnel is intact.
func (t *tunnel) pump(from, to *eventloop.Conn, ended *bool) bool {
	for range eventloop.MaxRounds {
		switch n, err := to.Flush(); {
		case err != nil:
			return t.lost(to)
		case !to.Waits():
			to.Progressed()
		case n > 0, !to.Stalling():
			t.stall(to)
			return true
		default:
			return true
		}
		if *ended {
			to.CloseWrite()
			if from.Failed() { // a reset is not shown by reading any more
				return t.lost(from)
			}
			return true
		}
		b, err := from.Receive()
		switch {
		case err == nil:
			t.carries(from, len(b))
			if to.Send(b) != nil {
				return t.lost(to)
			}
		case err == eventloop.ErrAgain: //nolint:errorlint // it is the very value
			return true
		case eventloop.IsEnd(err):
			*ended = true
			t.lost(from)
		default:
			return t.lost(from)
		}
	}
	from.Later()
	return true
}

// carries notes that n bytes have come from one side.
func (t *tunnel) carries(from *eventloop.Conn, n int) {
	if from != &t.client.Conn {
		t.lease.Carried(n)
		return
	}
	t.told = t.client.worker.loop.Now()
	t.lease.Uploaded(n)
}

// lost notes that one side has ended its output, or that its connection broke. It returns
// false.
func (t *tunnel) lost(side *eventloop.Conn) bool {
	if side == &t.upstream.Conn {
		t.lease.TunnelEnded(t.opened, t.client.worker.since(t.told))
	}
	return false
}

// stall gives one side time to take some of the bytes that wait for it: a client
// IdleTimeout, an instance RequestTimeout.
func (t *tunnel) stall(side *eventloop.Conn) {
	if side == &t.client.Conn {
		side.Stall(t.client.worker.engine.settings.Load().IdleTimeout)
	} else if limit := t.app.Settings().RequestTimeout; limit > 0 {
		side.Stall(limit)
	}
}

// expired closes the tunnel if a side took nothing in its time.
func (t *tunnel) expired(side *eventloop.Conn) {
	if side.TookNothing() {
		t.close()
		return
	}
	t.stall(side)
}

// close ends the tunnel.
func (t *tunnel) close() {
	w := t.client.worker
	t.client.close()
	t.upstream.close()
	t.lease.Release()
	w.loop.End()
}
