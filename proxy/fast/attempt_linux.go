package fast

import (
	"os"
	"syscall"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/policy"
)

// tryInstance sends the request to the claimed instance, on an idle connection or else on
// a new one.
func (r *request) tryInstance() {
	r.pool = r.worker.poolOf(r.lease.Endpoint(), r.app)
	if u := r.pool.get(r.idempotent, r.worker.loop.Crowded()); u != nil {
		r.app.Connections().Reused.Add(r.worker.shard, 1)
		r.send(u)
		return
	}
	r.attempt = attemptConnecting
	r.connect(connecting)
}

// connect begins to connect to the claimed instance.
func (r *request) connect(state upstreamState) {
	w := r.worker
	if r.pool.err != nil {
		r.connectFailed(r.pool.err)
		return
	}
	w.makeRoom()
	fd, err := eventloop.Dial(r.pool.address)
	if policy.IsBacklogFull(err) && r.redial(state) {
		return
	}
	if err != nil {
		r.connectFailed(err)
		return
	}
	u := &upstream{pool: r.pool, request: r, state: state}
	if err := w.loop.Add(&u.Conn, fd, u); err != nil {
		fd.Close()
		r.connectFailed(err)
		return
	}
	w.engine.upstreams.Add(1)
	r.upstream = u
	u.Within(r.app.ConnectTimeout())
}

// redial has connect called again soon. It reports false if connecting has taken too
// long, or if the connection is only to show that the instance is alive: it is.
func (r *request) redial(state upstreamState) bool {
	now := r.worker.loop.Now()
	if r.dialBy == 0 {
		r.dialBy = now + int64(r.app.ConnectTimeout())
	}
	if state != connecting || now >= r.dialBy {
		r.dialBy = 0
		return false
	}
	r.worker.loop.SetTimer(&r.timer, now+int64(policy.RedialInterval))
	return true
}

// connected sends the request once the connection is made. Bytes that the instance
// has sent before that are no response.
func (r *request) connected() {
	u := r.upstream
	if errno := u.Socket().Failure(); errno != 0 {
		r.connectFailed(os.NewSyscallError("connect", errno))
		return
	}
	if !u.Writable() {
		return
	}
	r.app.Connections().Opened.Add(r.worker.shard, 1)
	u.ClearDeadline()
	if n, errno := u.Socket().Peek(); errno != syscall.EAGAIN {
		if n > 0 {
			u.pool.stray()
		}
		r.sentHead = 0
		r.response.expect()
		r.broke(policy.ErrSurplus)
		return
	}
	r.send(u)
}

// connectFailed ends an attempt to connect to the claimed instance.
func (r *request) connectFailed(err error) {
	r.dropUpstream()
	if r.attempt == attemptChecking {
		r.checked(policy.IsConnRefused(err))
		return
	}
	r.failed(&policy.ConnectError{Cause: r.pool.dialError(err)})
}

// send begins to send the request.
func (r *request) send(u *upstream) {
	r.upstream, u.request, u.state = u, r, serving
	r.dialBy = 0
	r.attempt, r.sending, r.sentHead, r.lost = attemptExchanging, sendHead, 0, nil
	r.response.expect()
	r.sentAt = r.worker.loop.Now()
	u.ClearDeadline()
	if r.marks.Host.IsSet() {
		r.insertHost()
	}
	r.upload()
}

// insertHost adds the instance's host to the request of a client that named none.
func (r *request) insertHost() {
	buffers, host := r.worker.loop.Buffers(), r.pool.endpoint.Host()
	b := forward.InsertHost(buffers.Get(len(r.head)+len(host)+16), r.head, &r.marks, host)
	buffers.Put(r.head)
	r.head = b
}
