package fastpath

import (
	"io"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// errAgain says that there is nothing to be read now.
const errAgain = syscall.EAGAIN

// receive reads what there is, up to a limit. It returns all that was read and
// not used: what is held and what came. It is to be passed to keep, as far as it
// was not used, before the next call. The error is errAgain, io.EOF or that of
// the socket.
func (c *conn) receive() ([]byte, error) {
	into := c.loop.in
	if !c.held.none() {
		into = c.held.room(&c.loop.buffers, 1<<10)
	}
	if c.ready&(readable|ended|broken) == 0 {
		return nil, errAgain
	}
	n, errno := c.fd.read(into)
	switch {
	case errno == syscall.EAGAIN:
		c.ready &^= readable
		return nil, errAgain
	case errno != 0:
		return nil, errno
	case n == 0:
		return nil, io.EOF
	}
	if n < len(into) {
		c.ready &^= readable // all that was there
	}
	if c.held.none() {
		return into[:n], nil
	}
	c.held.extend(n)
	return c.held.bytes(), nil
}

// keep holds rest, the end of what receive returned.
func (c *conn) keep(rest []byte) {
	if !c.held.none() {
		c.held.drop(&c.loop.buffers, len(c.held.bytes())-len(rest))
	} else if len(rest) > 0 {
		c.held.append(&c.loop.buffers, rest)
	}
}

// send writes the pieces, behind what waits. What the peer does not take now
// waits in out.
func (c *conn) send(pieces ...[]byte) error {
	written := 0
	if c.out.empty() {
		n, errno := c.push(pieces)
		if errno != 0 {
			return errno
		}
		written = n
	}
	for _, b := range pieces {
		skip := min(written, len(b))
		written -= skip
		c.out.append(&c.loop.buffers, b[skip:])
	}
	return nil
}

// push writes what the socket takes of the pieces.
func (c *conn) push(pieces [][]byte) (n int, errno syscall.Errno) {
	if len(pieces) == 1 {
		if len(pieces[0]) == 0 {
			return 0, 0
		}
		n, errno = c.fd.write(pieces[0])
	} else {
		vector := c.loop.vector[:0]
		for _, b := range pieces {
			if len(b) > 0 {
				v := unix.Iovec{Base: &b[0]}
				v.SetLen(len(b))
				vector = append(vector, v)
			}
		}
		n, errno = c.fd.writev(vector)
		clear(vector)
	}
	if errno == syscall.EAGAIN {
		c.ready &^= writable
		return 0, 0
	}
	return n, errno
}

// flush writes what waits, until nothing does or the peer takes no more. It returns
// how much it wrote.
func (c *conn) flush() (written int, err error) {
	for !c.out.empty() {
		n, errno := c.fd.write(c.out.bytes())
		if errno == syscall.EAGAIN {
			c.ready &^= writable
			return written, nil
		}
		if errno != 0 {
			return written, errno
		}
		c.out.drop(&c.loop.buffers, n)
		written += n
	}
	return written, nil
}

// stall gives the peer a time to take something of what waits for it.
func (c *conn) stall(d time.Duration) {
	c.stalling, c.untaken = true, int32(c.fd.untaken())
	c.within(int64(d))
}

// tookNothing reports whether the peer stalls, and has taken nothing since. The kernel
// has more for it, and says that there is room only when there is a lot, so it is asked.
func (c *conn) tookNothing() bool { return c.stalling && c.fd.untaken() >= int(c.untaken) }

// took is called when the peer has taken something.
func (c *conn) took() {
	c.stalling = false
	c.timer.clear()
}
