package fastpath

import (
	"net/http"
	"runtime/debug"
)

// rescue, deferred, keeps a panic from ending the process: a fault of ours in one
// exchange must not take all others with it. net/http does the same for its
// handlers. It is given the connection that something happened on, and what that
// had part in before.
func (l *loop) rescue(c *conn, x *exchange, t *tunnel) {
	cause := recover()
	if cause == nil {
		return
	}
	l.engine.options.Log.Error("event loop panicked", "panic", cause, "stack", string(debug.Stack()))
	conns := []*conn{c}
	switch {
	case t != nil:
		conns = append(conns, t.client, t.instance)
		t.lease.Release()
		l.landed()
	case x != nil && x.client != nil: // it has not come to its end
		conns = append(conns, x.client, x.upstream)
		l.abandon(x)
	case c == nil:
		return
	case c.exchange != nil: // it has just begun
		conns = append(conns, c.exchange.upstream)
		l.abandon(c.exchange)
	}
	for _, c := range conns {
		if c != nil {
			c.reset()
		}
	}
}

// abandon ends an exchange. Of the state it was left in, only what others rely on
// is put right: the claim, the memory, and the counts.
func (l *loop) abandon(x *exchange) {
	if x.queued && !l.engine.options.Registry.Leave(&x.waiter) {
		x.gone = true // the claim that is on its way is given back
	}
	x.timer.clear()
	x.dropHead()
	x.dropResponse()
	x.dropPipe()
	x.lease.Release()
	l.engine.record(http.StatusInternalServerError, l.now-x.started)
	l.landed()
}
