//go:build linux

package eventloop

import (
	"crypto/tls"
	"io"
	"net"
	"syscall"
	"time"
)

const (
	// cipherChunk is how much is read of a connection of TLS at a time: with the part
	// of a record that came before, a chunk of plain bytes at most.
	cipherChunk = ChunkSize - 17<<10
	// cipherSpare is the size of the buffer for bytes that were encrypted: a chunk in
	// records of 1.4 KiB, as crypto/tls begins a connection, has 2 % more bytes.
	cipherSpare = ChunkSize + 8<<10
	// maxAnswers is how many bytes may wait for the peer before no more of it is read:
	// reading has something to send when the peer asks for new keys.
	maxAnswers = 4 * ChunkSize
)

// secure is the TLS of a connection whose handshake is done. It is the net.Conn on which
// the tls.Conn works: its reads return errNothing when no bytes have arrived, and its
// writes go into a buffer, so that neither blocks. An error that has Temporary does not
// end a tls.Conn.
type secure struct {
	conn *Conn
	tls  *tls.Conn

	in      []byte  // ciphertext of this turn, in the loop's buffer
	rest    Backlog // ciphertext of an earlier turn
	out     []byte  // encrypted in this turn, in the loop's buffer
	socket  bool    // the socket may be read
	empty   bool    // it was read, and had nothing
	inside  bool    // the tls.Conn may hold plain bytes or an error
	ending  bool    // a close_notify goes out with the next bytes
	lastFIN bool    // output ends when no bytes wait any more
	early   []byte  // encrypted by the handshake, and sent with the next bytes
}

// nothing is the error of a read that finds no bytes.
type nothing struct{}

func (nothing) Error() string   { return "no bytes have arrived" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true } // see crypto/tls.Conn.readRecordOrCCS

// errNothing is returned unchanged by tls.Conn.Read.
var errNothing error = nothing{}

// Secure has the connection speak TLS from now on: what is read is decrypted, and what
// is written is encrypted. The handshake of t is done. early is what it has encrypted
// last, for which the peer does not wait: session tickets. It is sent with what is sent
// next. Secure returns what t must read from and write to.
func (c *Conn) Secure(t *tls.Conn, early []byte) net.Conn {
	if c.loop.cipherIn == nil {
		c.loop.cipherIn, c.loop.cipherOut = make([]byte, cipherChunk), make([]byte, 0, cipherSpare)
	}
	c.secure = &secure{conn: c, tls: t, early: early, inside: true} // bytes may have come with the handshake
	return c.secure
}

// TLS returns what the connection was secured with.
func (c *Conn) TLS() *tls.Conn { return c.secure.tls }

// IsSecure reports whether the connection speaks TLS.
func (c *Conn) IsSecure() bool { return c.secure != nil }

// Unsecure ends that, for Detach. It returns the bytes that were read and not decrypted,
// and those that were encrypted and not written.
func (c *Conn) Unsecure() (unread, unsent []byte) {
	s := c.secure
	unread = append(unread, s.rest.Bytes()...)
	unsent = append(append(unsent, c.out.Bytes()...), s.early...)
	s.rest.Release(&c.loop.buffers)
	c.secure = nil
	return unread, unsent
}

// receive decrypts into b what has arrived. It returns ErrAgain, io.EOF or another error
// only if there are no bytes.
func (s *secure) receive(b []byte) (int, error) {
	c := s.conn
	if c.Waiting() > maxAnswers { // it is called again when the peer has taken some
		return 0, ErrAgain
	}
	s.out = c.loop.cipherOut[:0]
	n, err := s.decrypt(b)
	if len(s.in) > 0 {
		s.rest.append(&c.loop.buffers, s.in)
	}
	s.in = nil
	if failed := s.send(); failed != nil && n == 0 {
		return 0, failed
	}
	return n, err
}

// decrypt reads records until there are none, b is full, or enough was read from the
// socket.
func (s *secure) decrypt(b []byte) (n int, err error) {
	c := s.conn
	for {
		s.socket, s.empty = c.ready&(readable|ended|broken) != 0, false
		for n < len(b) && err == nil {
			var k int
			k, err = s.tls.Read(b[n:])
			n += k
		}
		s.inside = err != errNothing //nolint:errorlint // it is the very value
		switch {
		case n > 0:
			return n, nil // another error comes again with the next read
		case s.inside:
			return 0, err
		case s.empty || c.ready&(readable|ended|broken) == 0:
			return 0, ErrAgain
		}
		err = nil // the records that have arrived had no plain bytes, and there are more
	}
}

// Read returns ciphertext.
func (s *secure) Read(b []byte) (int, error) {
	c := s.conn
	if rest := s.rest.Bytes(); len(rest) > 0 {
		n := copy(b, rest)
		s.rest.drop(&c.loop.buffers, n)
		return n, nil
	}
	if len(s.in) == 0 {
		if !s.socket {
			return 0, errNothing
		}
		s.socket = false
		n, errno := c.fd.Read(c.loop.cipherIn)
		switch {
		case errno == syscall.EAGAIN:
			c.ready &^= readable
			s.empty = true
			return 0, errNothing
		case errno != 0:
			return 0, errno
		case n == 0:
			return 0, io.EOF
		}
		if n < len(c.loop.cipherIn) {
			c.ready &^= readable // all that was there
		}
		s.in = c.loop.cipherIn[:n]
	}
	n := copy(b, s.in)
	s.in = s.in[n:]
	return n, nil
}

// Write adds ciphertext to what send sends. It does not fail: the error of the socket is
// that of send.
func (s *secure) Write(b []byte) (int, error) {
	s.out = append(s.out, b...)
	return len(b), nil
}

// encrypt encrypts pieces, and sends them.
func (s *secure) encrypt(pieces [][]byte) error {
	s.out = s.conn.loop.cipherOut[:0]
	for _, b := range pieces {
		if len(b) == 0 {
			continue // else it would be an empty record
		}
		if _, err := s.tls.Write(b); err != nil {
			return err
		}
	}
	if s.ending {
		_ = s.tls.CloseWrite() // what it writes is in out
	}
	return s.send()
}

// send sends what was encrypted, behind the bytes that wait.
func (s *secure) send() error {
	c, b := s.conn, s.out
	s.out = nil
	if cap(b) <= 2*cipherSpare {
		c.loop.cipherOut = b[:0]
	}
	if len(b) == 0 {
		return nil
	}
	if len(s.early) > 0 { // seldom: once for a connection
		b = append(s.early, b...)
		s.early = nil
	}
	if c.out.Empty() {
		n, errno := c.fd.Write(b)
		switch {
		case errno == syscall.EAGAIN:
			c.ready &^= writable
		case errno != 0:
			return errno
		default:
			b = b[n:]
		}
	}
	c.out.append(&c.loop.buffers, b)
	return nil
}

// end sends a close_notify and ends output behind it. Without one the peer may take what
// it has for incomplete.
func (s *secure) end() {
	s.notify()
	if s.conn.out.Empty() {
		s.conn.fd.CloseWrite()
	} else {
		s.lastFIN = true
	}
}

// notify sends a close_notify, unless one was sent. Errors of the socket do not matter any
// more.
func (s *secure) notify() {
	s.out = s.conn.loop.cipherOut[:0]
	_ = s.tls.CloseWrite() // writes one only once
	_ = s.send()
}

// flushed ends output, if it was to end when no bytes wait.
func (s *secure) flushed() {
	if s.lastFIN {
		s.lastFIN = false
		s.conn.fd.CloseWrite()
	}
}

// Close does nothing: the Conn is closed by its owner.
func (s *secure) Close() error { return nil }

// LocalAddr and RemoteAddr return an address without a value.
func (s *secure) LocalAddr() net.Addr  { return &net.TCPAddr{} }
func (s *secure) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline, SetReadDeadline and SetWriteDeadline do nothing: no call blocks.
func (s *secure) SetDeadline(time.Time) error      { return nil }
func (s *secure) SetReadDeadline(time.Time) error  { return nil }
func (s *secure) SetWriteDeadline(time.Time) error { return nil }
