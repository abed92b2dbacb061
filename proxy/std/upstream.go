package std

import (
	"net"
	"sync/atomic"
	"time"
)

// upstream is a connection to an instance. What takes it out of the pool owns it.
type upstream struct {
	outlet
	intake intake
	pool   *pool
	host   *host
	prober prober

	reused   bool         // it carried another request before
	received bool         // a byte of the response to the request that it carries
	used     time.Time    // in the pool: when its last response ended
	due      time.Time    // in the pool: when its rest ends, or it is too old
	closed   atomic.Bool  // close was called
	sent     atomic.Int64 // bytes of the request that it carries
}

// send writes a part of the request. See outlet.write for limit.
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
		_ = u.conn.SetWriteDeadline(noDeadline) // it fails as the write will
		u.deadline = noDeadline
	}
}

// finish ends what is sent. The instance must get nothing after a part of a
// request that it did not take.
func (u *upstream) finish() { closeWrite(u.conn) }

// close closes the connection. It may be called by several goroutines, and while
// others read and write.
func (u *upstream) close() {
	if u.closed.Swap(true) {
		return
	}
	_ = u.conn.Close() // nothing can be done
	u.pool.open.Add(-1)
}

// closeWrite ends what is written to conn, where that is possible.
func closeWrite(conn net.Conn) {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the connection is broken then
	}
}
