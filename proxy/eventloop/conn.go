//go:build linux

package eventloop

import (
	"io"
	"time"
)

// Handler is the owner of a connection. Loop calls it in its goroutine, as long as
// the connection is open.
type Handler interface {
	// Ready is called when the socket may be readable or writable and was not before,
	// and in the turn after Conn.Later. The owner of a Channel calls it itself.
	Ready()
	// Expired is called when the connection's deadline has passed. There is none
	// then until Within sets another.
	Expired()
}

// Conn is a connection in a loop. A protocol embeds it in the type that handles it,
// and adds it with Loop.Add or Loop.AddAccepted. After Close it may be forgotten;
// it is not used again.
type Conn struct {
	loop    *Loop // nil when it is closed
	handler Handler
	timer   Timer

	held Backlog // read, and not used yet
	out  Backlog // not written yet: the peer is slow

	secure *secure // nil: the connection does not speak TLS

	fd    Socket
	via   Channel // in place of a socket; nil: there is a socket
	turn  uint32  // tells its events from those of an earlier connection with this fd
	ready events  // reported by the poller, and not found otherwise since

	untaken     int32 // bytes that the kernel had for the peer when it stalled
	stalling    bool  // the deadline is one for the peer to take some bytes
	queued      bool  // it is in loop.again
	accepted    bool  // it counts for the group and the loop
	outputEnded bool
}

// Add puts a connection into the loop.
func (l *Loop) Add(c *Conn, fd Socket, h Handler) error {
	l.turns++
	if err := l.poller.add(fd, l.turns); err != nil {
		return err
	}
	c.loop, c.fd, c.turn, c.handler, c.timer.Owner = l, fd, l.turns, h, h
	for int(fd) >= len(l.table) {
		l.table = append(l.table, nil)
	}
	l.table[fd] = c
	return nil
}

// AddAccepted puts a connection that the loop has accepted into the loop. It reports
// whether that worked; otherwise the socket is closed.
func (l *Loop) AddAccepted(c *Conn, fd Socket, h Handler) bool {
	if l.stopped || l.Add(c, fd, h) != nil {
		fd.Close()
		l.load.Add(-1)
		l.group.releaseConn()
		return false
	}
	c.accepted = true
	return true
}

// Loop returns the loop, or nil when the connection is closed.
func (c *Conn) Loop() *Loop { return c.loop }

// Handler returns the owner.
func (c *Conn) Handler() Handler { return c.handler }

// Readable reports whether reading may return bytes, the end of input or an error.
func (c *Conn) Readable() bool {
	return c.ready&(readable|ended|broken) != 0 || c.secure != nil && c.secure.inside
}

// Quiet reports whether there is nothing to be read, not even the end of input. It asks
// the kernel.
func (c *Conn) Quiet() bool { return (c.secure == nil || !c.secure.inside) && c.fd.Quiet() }

// Writable reports whether writing may be possible.
func (c *Conn) Writable() bool { return c.ready&writable != 0 }

// Broken reports whether the connection is of no use in either direction.
func (c *Conn) Broken() bool { return c.ready&broken != 0 }

// Failed reports whether the connection has an error. It may have been reset by a
// peer that had ended its output before.
func (c *Conn) Failed() bool { return c.ready&failed != 0 }

// Ended reports whether the peer has ended its output. Bytes may be left to read.
func (c *Conn) Ended() bool { return c.ready&ended != 0 }

// AssumeReadable makes the next Receive read although the poller has reported no input.
func (c *Conn) AssumeReadable() { c.ready |= readable }

// AssumeQuiet keeps Receive from reading until the poller reports input.
func (c *Conn) AssumeQuiet() { c.ready &^= readable }

// Socket returns the socket, for its state. Reading, writing and closing are for
// Conn.
func (c *Conn) Socket() Socket { return c.fd }

// Later has the handler called in the next turn, though there may be no event.
func (c *Conn) Later() {
	if !c.queued {
		c.queued = true
		c.loop.again = append(c.loop.again, c)
	}
}

// IsLater reports whether Later was called since the handler was.
func (c *Conn) IsLater() bool { return c.queued }

// Within sets the deadline of the connection to d from now.
func (c *Conn) Within(d time.Duration) { c.loop.wheel.set(&c.timer, c.loop.clock.now+int64(d)) }

// ClearDeadline removes the deadline.
func (c *Conn) ClearDeadline() { c.timer.Clear() }

// Deadline returns the loop's time of the deadline, or 0.
func (c *Conn) Deadline() int64 { return c.timer.at }

// Stall sets a deadline by which the peer must take some of the bytes that wait for
// it. See TookNothing and Progressed.
func (c *Conn) Stall(d time.Duration) {
	c.stalling, c.untaken = true, int32(c.behind())
	c.Within(d)
}

// Stalling reports whether a deadline of Stall is set.
func (c *Conn) Stalling() bool { return c.stalling }

// Untaken returns how many bytes the peer has not taken: those that wait, and those that
// the kernel holds.
func (c *Conn) Untaken() int {
	if c.via != nil {
		return c.Waiting()
	}
	return c.Waiting() + c.fd.untaken()
}

// TookNothing reports whether the peer has taken nothing since Stall. It asks the kernel
// how many bytes are left: the kernel reports a socket as writable only when much of its
// buffer is free.
func (c *Conn) TookNothing() bool { return c.stalling && c.behind() >= int(c.untaken) }

// Progressed removes the deadline of Stall: the peer has taken some bytes.
func (c *Conn) Progressed() {
	c.stalling = false
	c.timer.Clear()
}

// NextIsLast tells that nothing is sent after the bytes of the next Send, so that they can
// have a close_notify with them. Over plain TCP it does nothing.
func (c *Conn) NextIsLast() {
	if c.secure != nil {
		c.secure.ending = true
	}
}

// CloseWrite ends output, once.
func (c *Conn) CloseWrite() {
	if c.outputEnded {
		return
	}
	c.outputEnded = true
	switch {
	case c.via != nil:
		c.via.CloseWrite()
	case c.secure != nil:
		c.secure.end()
	default:
		c.fd.CloseWrite()
	}
}

// OutputEnded reports whether CloseWrite was called, and no bytes wait before the end.
func (c *Conn) OutputEnded() bool {
	return c.outputEnded && (c.secure == nil || !c.secure.lastFIN)
}

// Close closes the connection and gives back its buffers. Bytes that were written
// still go out. It may be called more than once.
func (c *Conn) Close() { c.shut(false) }

// Reset closes the connection in a way that the peer sees as an error.
func (c *Conn) Reset() { c.shut(true) }

func (c *Conn) shut(reset bool) {
	if c.loop == nil {
		return
	}
	group, accepted := c.loop.group, c.accepted
	if c.secure != nil && !reset && !c.outputEnded && c.out.Empty() {
		c.secure.notify()
	}
	c.leave()
	if c.via != nil {
		c.via.Close(reset)
		return
	}
	if accepted {
		group.releaseConn()
	}
	if reset {
		c.fd.reset()
	} else {
		c.fd.Close()
	}
}

// leave takes the connection out of the loop.
func (c *Conn) leave() {
	l := c.loop
	l.wheel.take(&c.timer)
	c.timer.Clear()
	c.held.Release(&l.buffers)
	c.out.Release(&l.buffers)
	if c.secure != nil {
		c.secure.rest.Release(&l.buffers)
		c.secure = nil
	}
	if c.via == nil {
		l.table[c.fd] = nil
	}
	c.loop = nil
	if c.accepted {
		l.load.Add(-1)
	}
}

// IsEnd reports whether an error of Receive is the end of the peer's output.
func IsEnd(err error) bool { return err == io.EOF } //nolint:errorlint // it is the very value
