package std

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// outlet writes to a connection, and fails when the peer takes nothing for too long.
// One goroutine at a time may write.
type outlet struct {
	conn     net.Conn
	clock    *clock
	deadline time.Time // of writes; the last one that was set
	pace     policy.Pace
	rate     int // the minimum rate of pace; below 1: none
	vector   net.Buffers
	pieces   [3][]byte   // what vector is made of
	stopped  atomic.Bool // writes fail at once
	patient  atomic.Bool // writes have no limit
}

// wait takes the limit from the write under way and from all later ones.
func (o *outlet) wait() {
	o.patient.Store(true)
	_ = o.conn.SetWriteDeadline(noDeadline) // the write reports the error
}

// stop makes the write under way fail if it waits for the peer, and all later ones.
func (o *outlet) stop() {
	o.stopped.Store(true)
	_ = o.conn.SetWriteDeadline(longAgo) // the write reports the error
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// noDeadline removes a deadline.
var noDeadline time.Time

// write writes b and returns the number of bytes written. It fails with
// os.ErrDeadlineExceeded when the peer takes nothing for two to three times limit.
// Zero is no limit.
func (o *outlet) write(b []byte, limit time.Duration) (written int, err error) {
	var last retries
	for {
		o.renew(limit, last.tried)
		wait := o.clock.wait()
		n, err := o.conn.Write(b[written:])
		written += n
		slow := o.tooSlow(&wait, n, limit)
		if !o.again(&last, err, n > 0) {
			return written, err
		}
		if slow {
			return written, os.ErrDeadlineExceeded
		}
	}
}

// writeAll writes up to three pieces, as write does.
func (o *outlet) writeAll(limit time.Duration, pieces ...[]byte) (written int, err error) {
	n := copy(o.pieces[:], pieces)
	o.vector = o.pieces[:n]
	var last retries
	for {
		o.renew(limit, last.tried)
		wait := o.clock.wait()
		n, err := o.vector.WriteTo(o.conn)
		written += int(n)
		slow := o.tooSlow(&wait, int(n), limit)
		if again := o.again(&last, err, n > 0); !again || slow {
			if again {
				err = os.ErrDeadlineExceeded
			}
			o.vector, o.pieces = nil, [3][]byte{}
			return written, err
		}
	}
}

// tooSlow notes that a write has written n bytes. It reports whether the peer takes them
// too slowly. That is judged over more time than a write and its second attempt may
// take without progress: the kernel reports progress in large pieces.
func (o *outlet) tooSlow(wait *wait, n int, limit time.Duration) bool {
	return o.rate > 0 && limit > 0 && o.pace.TooSlow(wait.took(), int64(n), o.rate, 3*limit)
}

// retries is what a write knows of its last attempt.
type retries struct {
	tried  bool  // it wrote nothing in time
	heldUp int64 // clock.heldUp after it
}

// again reports whether a write that ended with err must be tried again. A write that
// did not end in time may have failed although the peer took a little: the kernel
// reports room in a socket only when there is a lot of it. The next attempt finds a
// little room too.
func (o *outlet) again(last *retries, err error, progress bool) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || o.stopped.Load() {
		return false
	}
	heldUp := o.clock.look()
	if last.tried && !progress && heldUp == last.heldUp && !o.patient.Load() {
		return false
	}
	*last = retries{tried: !progress, heldUp: heldUp}
	o.deadline = time.Time{}
	return true
}

// renew sets the deadline of the next write. Setting a deadline costs more than reading
// the time, so one that is not exact is set ahead and serves several writes.
func (o *outlet) renew(limit time.Duration, exactly bool) {
	if o.patient.Load() {
		limit = 0
	}
	now := time.Now()
	switch {
	case limit <= 0 && o.deadline.IsZero():
		return
	case limit <= 0:
		o.deadline = time.Time{}
	case exactly:
		o.deadline = now.Add(limit)
	case o.deadline.Sub(now) < limit || o.deadline.Sub(now) > 2*limit:
		o.deadline = now.Add(limit + limit/2)
	default:
		return
	}
	_ = o.conn.SetWriteDeadline(o.deadline) // the write reports the error
	if o.stopped.Load() {                   // stop may have run in between
		_ = o.conn.SetWriteDeadline(longAgo)
	}
}
