package fast

import (
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/policy"
)

// drain gives idle clients Settings.DrainGrace for one more request, and calls done when no
// request is in flight any more and the clients have read their last response.
func (w *worker) drain(done func()) {
	if w.loop.Stopped() {
		done()
		return
	}
	if before := w.drained; before != nil {
		w.drained = func() { before(); done() }
		return
	}
	w.loop.Conns(func(c *eventloop.Conn) {
		switch h := c.Handler().(type) {
		case *client:
			h.drain()
		case *upstream:
			if h.isIdle() {
				h.close()
			}
		}
	})
	w.drained = done
	w.loop.AfterTurn(w.checkDrained)
}

// checkDrained ends draining when nothing is left to wait for.
func (w *worker) checkDrained() {
	if w.loop.Busy() == 0 && w.awaiting == 0 && w.lingering == 0 && w.sessions == 0 && w.drained != nil {
		w.drained()
		w.drained = nil
	}
}

// cut breaks off the requests in flight, and returns their number. Clients that were sent
// nothing of their response get a 503 instead, and linger.
func (w *worker) cut() int {
	n := w.loop.Busy() - w.loans
	w.loop.Conns(func(c *eventloop.Conn) {
		if h, ok := c.Handler().(*client); ok {
			h.cut()
		}
	})
	return n
}

// stop closes what is left, returns the number of requests that it broke off, and ends
// the loop.
func (w *worker) stop() int {
	n := w.loop.Busy() - w.loans
	w.loop.Conns(func(c *eventloop.Conn) {
		if h, ok := c.Handler().(*client); ok {
			h.abandon()
		}
	})
	w.loop.Conns(func(c *eventloop.Conn) {
		if h, ok := c.Handler().(*upstream); ok {
			h.close()
		}
	})
	w.loop.Stop()
	if w.drained != nil {
		w.drained()
		w.drained = nil
	}
	return n
}

// drain bounds how long the connection stays without a request: the engine shuts down.
func (c *client) drain() {
	switch c.state {
	case awaiting, securing:
		c.Within(c.worker.engine.settings.Load().DrainGrace)
	case lingering:
		c.Within(shutdownLinger)
	case multiplexed:
		c.session.drain()
	default:
	}
}

// drainIdle carries the request that has arrived, if there is one: the client may
// not send another. Otherwise it closes the connection.
func (c *client) drainIdle() {
	if c.Holds() || !c.Quiet() {
		c.AssumeReadable()
		c.Ready()
	}
	if c.state == awaiting {
		c.close()
	}
}

// cut ends what is under way on the connection: the time for draining is over.
func (c *client) cut() {
	switch {
	case c.state == lingering, c.state == onLoan:
	case c.state == multiplexed:
		c.session.cut()
	case c.state == exchanging && !c.request.response.begun():
		c.request.fail(policy.ErrShutdown)
	default:
		c.abandon()
	}
}

// abandon ends the connection in any state.
func (c *client) abandon() {
	switch c.state {
	case exchanging:
		c.request.clientGone()
	case clientTunnelled:
		c.tunnel.close()
	default:
		c.close()
	}
}
