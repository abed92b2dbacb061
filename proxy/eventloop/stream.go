//go:build linux

package eventloop

import (
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// ErrAgain is the error of Receive when there is nothing to be read now.
const ErrAgain = syscall.EAGAIN

// Receive reads bytes that have arrived, at most ChunkSize or as many as are held. It
// returns all bytes that were read and not used: those that the connection holds, and
// the new ones. The caller passes the part that it does not use to Keep, before the
// next call. The error is ErrAgain, io.EOF or that of the socket.
func (c *Conn) Receive() ([]byte, error) { return c.ReceiveUpTo(ChunkSize) }

// ReceiveUpTo is Receive, and reads at most n bytes if the connection holds none. Over TLS
// it reads a whole record.
func (c *Conn) ReceiveUpTo(n int) ([]byte, error) {
	into := c.loop.in
	switch {
	case !c.held.None():
		into = c.held.room(&c.loop.buffers, c.held.growth())
	case c.secure == nil:
		into = into[:n]
	}
	if c.secure != nil {
		n, err := c.secure.receive(into)
		if err != nil {
			return nil, err
		}
		return c.received(into, n), nil
	}
	if c.ready&(readable|ended|broken) == 0 {
		return nil, ErrAgain
	}
	n, errno := c.read(into)
	switch {
	case errno == syscall.EAGAIN:
		c.ready &^= readable
		return nil, ErrAgain
	case errno != 0:
		return nil, errno
	case n == 0:
		return nil, io.EOF
	}
	if n < len(into) {
		c.ready &^= readable // all that was there
	}
	return c.received(into, n), nil
}

// received returns all bytes that were read and not used, after n were read into into.
func (c *Conn) received(into []byte, n int) []byte {
	if c.held.None() {
		return into[:n]
	}
	c.held.extend(n)
	return c.held.Bytes()
}

// Keep holds rest, the end of the bytes that Receive returned.
func (c *Conn) Keep(rest []byte) {
	if !c.held.None() {
		c.held.drop(&c.loop.buffers, len(c.held.Bytes())-len(rest))
	} else if len(rest) > 0 {
		c.held.append(&c.loop.buffers, rest)
	}
}

// Held returns the bytes that the connection holds, or nil.
func (c *Conn) Held() []byte { return c.held.Bytes() }

// Holds reports whether the connection holds anything.
func (c *Conn) Holds() bool { return !c.held.Empty() }

// DropHeld forgets the bytes that the connection holds.
func (c *Conn) DropHeld() { c.held.Release(&c.loop.buffers) }

// Send writes the pieces, behind bytes that wait. Bytes that the peer does not take
// now wait, too; see Flush.
func (c *Conn) Send(pieces ...[]byte) error {
	if c.secure != nil {
		return c.secure.encrypt(pieces)
	}
	written := 0
	if c.out.Empty() {
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

// Write writes as much of b as the socket takes now, and returns how much; that may
// be 0. There must be no bytes that wait, and no TLS.
func (c *Conn) Write(b []byte) (int, error) {
	n, errno := c.write(b)
	if errno == syscall.EAGAIN {
		c.ready &^= writable
		return 0, nil
	}
	if errno != 0 {
		return 0, errno
	}
	return n, nil
}

// push writes as much of the pieces as the socket takes.
func (c *Conn) push(pieces [][]byte) (n int, errno syscall.Errno) {
	switch {
	case c.via != nil:
		n, errno = c.pushVia(pieces)
	case len(pieces) == 1 && len(pieces[0]) == 0:
		return 0, 0
	case len(pieces) == 1:
		n, errno = c.fd.Write(pieces[0])
	default:
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

// Flush writes the bytes that wait, until there are none or the peer takes no more.
// It returns how many it wrote.
func (c *Conn) Flush() (written int, err error) {
	for !c.out.Empty() {
		n, errno := c.write(c.out.Bytes())
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
	if c.secure != nil {
		c.secure.flushed()
	}
	return written, nil
}

// Waits reports whether bytes wait for the peer.
func (c *Conn) Waits() bool { return !c.out.Empty() }

// Waiting returns how many bytes wait for the peer.
func (c *Conn) Waiting() int { return len(c.out.Bytes()) }

// DropWaiting forgets the bytes that wait for the peer.
func (c *Conn) DropWaiting() { c.out.Release(&c.loop.buffers) }
