package fastpath

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// attempt sends the request to the claimed instance, on an idle connection or
// else on a new one.
func (x *exchange) attempt() {
	l := x.loop
	x.pool = l.poolOf(x.lease.Endpoint())
	if u := x.pool.get(x.idempotent, l.crowded); u != nil {
		x.reused = true
		x.send(u)
		return
	}
	x.connect(connecting)
}

// connect begins to connect to the claimed instance.
func (x *exchange) connect(s state) {
	l := x.loop
	x.reused = false
	if x.pool.err != nil {
		x.connectFailed(x.pool.err)
		return
	}
	l.makeRoom()
	fd, err := dialSocket(x.pool.to)
	if err != nil {
		x.connectFailed(err)
		return
	}
	u := &conn{fd: fd, pool: x.pool, exchange: x, state: s}
	if err := l.add(u); err != nil {
		fd.close()
		x.connectFailed(err)
		return
	}
	l.engine.behind.Add(1)
	x.upstream = u
	u.within(int64(settings.DialTimeout))
}

// connected is the state of a connection to an instance that is being made. What
// the instance sends before it is asked is no response.
func (x *exchange) connected() {
	u := x.upstream
	if errno := u.fd.failure(); errno != 0 {
		x.connectFailed(os.NewSyscallError("connect", errno))
		return
	}
	if u.ready&writable == 0 {
		return
	}
	u.timer.clear()
	u.state = serving
	if n, errno := u.fd.peek(); errno != syscall.EAGAIN {
		if n > 0 {
			u.pool.stray()
		}
		x.sent, x.received = 0, false
		x.broke(policy.ErrSurplus)
		return
	}
	x.send(u)
}

// connectFailed is called when there is no connection to be had.
func (x *exchange) connectFailed(err error) {
	x.dropUpstream()
	if x.attempts.Checking() {
		x.checkedFor(errors.Is(err, syscall.ECONNREFUSED))
		return
	}
	if at, bad := netip.ParseAddrPort(x.pool.endpoint.Address); bad == nil {
		err = &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(at), Err: err}
	}
	x.failed(&policy.ConnectError{Cause: err})
}

// send begins to send the request.
func (x *exchange) send(u *conn) {
	x.upstream, u.exchange = u, x
	x.sent, x.wholeSent, x.received, x.interim, x.lost = 0, false, false, 0, nil
	x.sentAt = x.loop.now
	u.timer.clear()
	if x.marks.Host.IsSet() {
		x.insertHost()
	}
	x.upload()
}

// insertHost gives the request of a client that named no host the instance's.
func (x *exchange) insertHost() {
	old := x.head
	x.head = forward.InsertHost(x.loop.buffers.get(len(old)+len(x.pool.endpoint.Address)+16), old, &x.marks, x.pool.endpoint.Address)
	x.loop.buffers.put(old)
}
