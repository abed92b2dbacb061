package std

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/h2c"
	"github.com/dynlb/dynlb/proxy/http2"
)

// upstream is a connection to an instance. It belongs to the pool or to one exchange.
type upstream struct {
	outlet
	intake intake
	pool   *pool
	host   *host
	prober prober
	call   *h2c.Conn // what conn is to an instance that speaks HTTP/2; nil: it does not

	reused   bool          // it carried another request before
	received bool          // a byte of the present response was received
	used     time.Time     // in the pool: when the last response ended
	due      time.Time     // in the pool: when the rest ends, or the connection is checked
	quiet    time.Duration // in the pool: for how long it was idle when it was last open
	rested   time.Duration // how long it was idle before the present request
	bare     bool          // in the pool: the last response could not have content
	closed   atomic.Bool   // close was called
	sent     atomic.Int64  // bytes of the present request
}

// send writes a part of the request, with the limit of outlet.write.
func (u *upstream) send(b []byte, limit time.Duration) error {
	n, err := u.write(b, limit)
	u.sent.Add(int64(n))
	return err
}

// receive reads some more of what the instance sends.
func (u *upstream) receive() error {
	err := u.intake.read(u.conn)
	u.received = u.received || err == nil
	return err
}

// reuse prepares the connection for another request.
func (u *upstream) reuse() {
	u.reused, u.received = true, false
	u.sent.Store(0)
	u.patient.Store(false)
	if u.stopped.Swap(false) {
		_ = u.conn.SetWriteDeadline(noDeadline) // the write reports the error
		u.deadline = noDeadline
	}
}

// older reports whether the connection to the instance that broke with err is older than
// the present request: the instance may have been closing it.
func (u *upstream) older(err error) bool {
	if u.call == nil {
		return u.reused
	}
	call, ok := errors.AsType[*http2.CallError](err)
	return u.call.Reused() && (!ok || call.Leaving)
}

// finish ends the sending side. The instance must get nothing behind a part of a
// request that it did not take.
func (u *upstream) finish() { closeWrite(u.conn) }

// close closes the connection. It is safe for concurrent use, also with reads and
// writes.
func (u *upstream) close() {
	if u.closed.Swap(true) {
		return
	}
	_ = u.conn.Close() // an error changes nothing
	u.pool.open.Add(-1)
}

// closeWrite ends the sending side of conn, if the kind of connection can do that.
func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // an error means that the connection is broken
	}
}
