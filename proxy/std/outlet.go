package std

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// outlet writes to a connection whose peer must take some of it in time. One
// goroutine at a time may write.
type outlet struct {
	conn     net.Conn
	clock    *clock
	deadline time.Time // of writes, as it was set last
	vector   net.Buffers
	pieces   [3][]byte   // of vector
	stopped  atomic.Bool // writes end at once
	patient  atomic.Bool // the peer may take its time
}

// wait gives the peer all the time that it takes, from now on: no limit counts.
func (o *outlet) wait() {
	o.patient.Store(true)
	_ = o.conn.SetWriteDeadline(noDeadline) // it fails as the write will
}

// stop makes a write that waits for the peer fail, and those that follow.
func (o *outlet) stop() {
	o.stopped.Store(true)
	_ = o.conn.SetWriteDeadline(longAgo) // it fails as the write will
}

// longAgo is a deadline that has passed.
var longAgo = time.Unix(1, 0)

// noDeadline takes a deadline back.
var noDeadline time.Time

// write writes b, and returns how much of it was written. It fails with
// os.ErrDeadlineExceeded when the peer takes nothing for limit, or for up to twice
// as long. Zero is no limit.
func (o *outlet) write(b []byte, limit time.Duration) (written int, err error) {
	var wait patience
	for {
		o.renew(limit, wait.tried)
		n, err := o.conn.Write(b[written:])
		written += n
		if !o.again(&wait, err, n > 0) {
			return written, err
		}
	}
}

// writeAll writes several pieces, three at most, as write does.
func (o *outlet) writeAll(limit time.Duration, pieces ...[]byte) (written int, err error) {
	n := copy(o.pieces[:], pieces)
	o.vector = o.pieces[:n]
	var wait patience
	for {
		o.renew(limit, wait.tried)
		n, err := o.vector.WriteTo(o.conn)
		written += int(n)
		if !o.again(&wait, err, n > 0) {
			o.vector, o.pieces = nil, [3][]byte{}
			return written, err
		}
	}
}

// patience is what a write that goes on knows of the attempts before.
type patience struct {
	tried  bool  // the last one wrote nothing in time
	heldUp int64 // as the clock said then
}

// again reports whether a write that ended with err is to be tried again. That it
// did not end in time does not mean that the peer took nothing: the kernel reports
// room only when there is a lot of it. Another attempt finds a little, too.
func (o *outlet) again(wait *patience, err error, progress bool) bool {
	if !errors.Is(err, os.ErrDeadlineExceeded) || o.stopped.Load() {
		return false
	}
	heldUp := o.clock.look()
	if wait.tried && !progress && heldUp == wait.heldUp && !o.patient.Load() {
		return false
	}
	*wait = patience{tried: !progress, heldUp: heldUp}
	o.deadline = time.Time{}
	return true
}

// renew sets the deadline of the write that follows. To set it takes longer than
// to look at it, so it is set ahead, and then lasts for several writes.
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
	_ = o.conn.SetWriteDeadline(o.deadline) // it fails as the write will
	if o.stopped.Load() {                   // perhaps just now
		_ = o.conn.SetWriteDeadline(longAgo)
	}
}
