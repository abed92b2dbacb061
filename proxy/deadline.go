package proxy

import (
	"errors"
	"os"
	"time"
)

// SetReadDeadline sets when reads fail.
func (c *guardedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	c.notify()
	return c.Conn.SetReadDeadline(c.readDeadlineLocked())
}

// SetDeadline sets when reads and writes fail.
func (c *guardedConn) SetDeadline(t time.Time) error {
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// Write sends p. A client that takes nothing of it is given up: it would hold an
// instance's place, and all that was read for it.
func (c *guardedConn) Write(p []byte) (int, error) { return steadily(p, c.write) }

// write sends what it can of p in the time that a client has to take some.
func (c *guardedConn) write(p []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(c.guard.rules.Load().idleTime)) // it fails as the write will
	return c.Conn.Write(p)
}

// steadily sends p by calls of write, which has a deadline of its own each time, as
// long as the peer takes some of it. That a write did not end in time does not say
// that the peer took nothing: the kernel says that there is room only when there is a
// lot. To try again finds a little, too.
func steadily(p []byte, write func([]byte) (int, error)) (written int, err error) {
	for tried := false; ; tried = true {
		var n int
		n, err = write(p[written:])
		written += n
		if !errors.Is(err, os.ErrDeadlineExceeded) || n == 0 && tried {
			return written, err
		}
	}
}

// limit sets the guard's own deadline for reads, or takes it back when it is
// zero. If it is the only one, that of net/http does not count.
func (c *guardedConn) limit(own time.Time, only bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.own, c.only = own, only
	_ = c.Conn.SetReadDeadline(c.readDeadlineLocked()) // it fails as the read will
}

// expired reports whether the guard's own deadline has passed.
func (c *guardedConn) expired() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.own.IsZero() && !time.Now().Before(c.own)
}

// readDeadlineLocked returns the deadline that counts.
func (c *guardedConn) readDeadlineLocked() time.Time {
	switch {
	case c.own.IsZero():
		return c.deadline
	case c.only, c.deadline.IsZero(), c.own.Before(c.deadline):
		return c.own
	default:
		return c.deadline
	}
}

// notify wakes wait.
func (c *guardedConn) notify() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}
