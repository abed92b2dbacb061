//go:build linux

package eventloop

import "syscall"

// Channel carries the bytes of a connection that has no socket of its own: it is one of
// several within another connection. Its owner calls Handler.Ready when there is
// something to read, or room to write.
type Channel interface {
	// Read reads into p: EAGAIN says that there is nothing now, 0 bytes without an error
	// that the peer has ended its output.
	Read(p []byte) (int, syscall.Errno)
	// Write takes as many of the bytes as there is room for; EAGAIN says that there is
	// none now.
	Write(b []byte) (int, syscall.Errno)
	// CloseWrite ends output.
	CloseWrite()
	// Close is called when the connection was closed; reset: so that the peer sees an
	// error.
	Close(reset bool)
}

// noSocket stands for the socket of a connection that has none.
const noSocket Socket = -1

// AddChannel puts a connection into the loop that has a channel in place of a socket. It
// is not among Conns.
func (l *Loop) AddChannel(c *Conn, via Channel, h Handler) {
	c.loop, c.fd, c.via, c.handler, c.timer.Owner = l, noSocket, via, h, h
}

// NoteEnd notes that the peer has ended its output.
func (c *Conn) NoteEnd() { c.ready |= ended }

// read reads from the socket or the channel.
func (c *Conn) read(into []byte) (int, syscall.Errno) {
	if c.via != nil {
		return c.via.Read(into)
	}
	return c.fd.Read(into)
}

// write writes to the socket or the channel.
func (c *Conn) write(b []byte) (int, syscall.Errno) {
	if c.via != nil {
		return c.via.Write(b)
	}
	return c.fd.Write(b)
}

// pushVia writes as much of the pieces as the channel takes.
func (c *Conn) pushVia(pieces [][]byte) (written int, errno syscall.Errno) {
	for _, b := range pieces {
		n, errno := 0, syscall.Errno(0)
		if len(b) > 0 {
			n, errno = c.via.Write(b)
		}
		written += n
		switch {
		case errno != 0 && (errno != syscall.EAGAIN || written == 0):
			return written, errno
		case n < len(b):
			return written, 0
		}
	}
	return written, 0
}

// behind returns how many bytes the peer has not taken that were written: a channel shows
// those that wait only.
func (c *Conn) behind() int {
	if c.via != nil {
		return c.Waiting()
	}
	return c.fd.untaken()
}

// Append puts b behind the bytes that wait.
func (q *Backlog) Append(p *Buffers, b []byte) { q.append(p, b) }

// Take moves bytes from the front to b. It returns how many.
func (q *Backlog) Take(p *Buffers, b []byte) int {
	n := copy(b, q.Bytes())
	if n > 0 {
		q.drop(p, n)
	}
	return n
}
