package fast

import (
	"net/http"
	"runtime/debug"

	"github.com/dynlb/dynlb/proxy/outcome"
)

// resetter is a connection that can be broken off.
type resetter interface{ reset() }

// rescue, deferred, keeps a panic from ending the process: a bug that shows in one
// request must not end all others. net/http does the same for its handlers. Its
// arguments are the connection that was being handled, and the request and the tunnel
// that it belonged to before.
func (w *worker) rescue(on resetter, r *request, t *tunnel) {
	cause := recover()
	if cause == nil {
		return
	}
	w.engine.log.Error("event loop panicked", "panic", cause, "stack", string(debug.Stack()))
	conns := []resetter{on}
	if r == nil || r.client == nil { // it has ended, and another may have begun
		r = nil
		if c, ok := on.(*client); ok {
			r = c.request
		}
	}
	switch {
	case t != nil:
		conns = append(conns, t.client, t.upstream)
		t.lease.Release()
		w.loop.End()
	case r != nil:
		conns = append(conns, r.client)
		if r.upstream != nil {
			conns = append(conns, r.upstream)
		}
		w.abandon(r)
	}
	for _, c := range conns {
		if c != nil {
			c.reset()
		}
	}
}

// abandon ends a request in an unknown state. It puts right only what others rely
// on: the claim, the memory, and the counts.
func (w *worker) abandon(r *request) {
	if r.attempt == attemptQueued && !r.app.Registry().Dequeue(&r.waiter) {
		r.attempt = attemptAbandoned // the claim that is on its way is given back
	}
	r.timer.Clear()
	r.dropHead()
	r.response.dropHead()
	r.response.dropPipe()
	r.lease.Release()
	r.dropPartial()
	r.outcome.Code, r.outcome.Source = http.StatusInternalServerError, outcome.Dynlb
	r.record()
	w.loop.End()
}
