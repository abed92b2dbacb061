package fast

import (
	"os"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/eventloop"
)

// upstreamState is the state of a connection to an instance; see the package comment.
type upstreamState uint8

const (
	upstreamClosed upstreamState = iota
	connecting
	checking
	serving
	aside
	idle
	upstreamTunnelled
)

// upstream is a connection to an instance.
type upstream struct {
	eventloop.Conn
	pool    *pool
	request *request // while connecting, checking, serving
	tunnel  *tunnel  // while tunnelled
	state   upstreamState
	used    bool          // it has carried a request before
	since   int64         // in the pool: the loop's time at which the last response ended
	rested  time.Duration // how long it was idle before the present request
	bare    bool          // in the pool: the last response could not have content
}

// Ready goes on with the work of the connection.
func (u *upstream) Ready() {
	defer u.pool.worker.rescue(u, u.request, u.tunnel)
	switch u.state {
	case upstreamClosed:
	case connecting:
		u.request.connected()
	case checking:
		u.request.checkInstanceAlive(false)
	case serving:
		u.request.instanceReady()
	case aside, idle:
		u.pool.idleReady(u)
	case upstreamTunnelled:
		u.tunnel.relay()
	}
}

// Expired ends the work that has taken too long.
func (u *upstream) Expired() {
	defer u.pool.worker.rescue(u, u.request, u.tunnel)
	switch u.state {
	case upstreamClosed:
	case connecting:
		u.request.connectFailed(os.NewSyscallError("connect", syscall.ETIMEDOUT))
	case checking:
		u.request.checkInstanceAlive(true)
	case serving:
		u.request.instanceExpired()
	case aside:
		u.pool.settle(u)
	case idle:
		u.pool.expire(u)
	case upstreamTunnelled:
		u.tunnel.expired(&u.Conn)
	}
}

// isIdle reports whether the connection is in its pool.
func (u *upstream) isIdle() bool { return u.state == idle || u.state == aside }

// close closes the connection.
func (u *upstream) close() {
	u.retire()
	u.Close()
}

// reset closes the connection so that the instance sees an error.
func (u *upstream) reset() {
	u.retire()
	u.Reset()
}

// retire takes the connection out of its pool and the count.
func (u *upstream) retire() {
	switch u.state {
	case upstreamClosed:
		return
	case idle, aside:
		u.pool.remove(u)
	default:
	}
	u.state = upstreamClosed
	u.request, u.tunnel = nil, nil
	u.pool.worker.engine.upstreams.Add(-1)
}
