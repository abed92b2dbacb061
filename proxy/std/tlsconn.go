package std

import (
	"crypto/tls"
	"net"
	"sync"
	"time"

	"github.com/dynlb/dynlb/proxy/handshake"
)

// tlsPiece is how much is encrypted at a time, so that it fits into a large buffer.
const tlsPiece = 24 << 10

// goodbyeTime bounds the sending of a close_notify, for which a socket nearly always has
// room.
const goodbyeTime = 100 * time.Millisecond

// answerTime bounds the sending of what a read has to send: the answer to a KeyUpdate.
const answerTime = 5 * time.Second

// tlsConn is a client's connection of TLS. It can be used like the socket below it: a
// write that fails with a timeout may be tried again with the rest of the bytes, which a
// tls.Conn does not allow. So the tls.Conn writes into a buffer, and tlsConn writes that
// to the socket.
type tlsConn struct {
	*tls.Conn
	raw  net.Conn
	wire *handshake.Wire

	turn  sync.Mutex // of the goroutine that writes; guards ahead
	ahead int        // how many bytes of the next Write are encrypted already

	mu      sync.Mutex // guards pending
	pending []byte     // encrypted; nil: none
}

// cipherSide is what a tls.Conn of a tlsConn works on.
type cipherSide struct {
	net.Conn // the socket
	of       *tlsConn
	// wait is called with what a read of the handshake failed with. It returns
	// whether to read again. Nil: the handshake is done.
	wait func(err error) bool
	// unread are bytes that another lane has read.
	unread []byte
}

// newTLSConn returns a connection of TLS over a socket, before its handshake.
func newTLSConn(s *handshake.Server, raw net.Conn) *tlsConn {
	t := &tlsConn{raw: raw}
	t.wire = &handshake.Wire{Conn: &cipherSide{Conn: raw, of: t}}
	t.Conn = s.Accept(t.wire)
	return t
}

// tookOver returns a connection of TLS whose handshake another lane has done.
func tookOver(done *handshake.Done) *tlsConn {
	t := &tlsConn{Conn: done.TLS, raw: done.Conn, wire: done.Wire}
	t.wire.Conn = &cipherSide{Conn: done.Conn, of: t, unread: done.Unread}
	t.pending = done.Unsent
	return t
}

// Read reads from the socket, after what waits was written to it: the peer may wait for
// an answer to what the tls.Conn has read, such as a KeyUpdate.
func (s *cipherSide) Read(b []byte) (int, error) {
	if len(s.unread) > 0 {
		n := copy(b, s.unread)
		s.unread = s.unread[n:]
		return n, nil
	}
	s.of.answer()
	if place := s.of.wire.Place(); place != nil {
		place.Leave()
		defer place.Enter()
	}
	for {
		n, err := s.Conn.Read(b)
		if err == nil || s.wait == nil || !s.wait(err) {
			return n, err
		}
	}
}

// Write adds to the bytes that wait. It does not fail.
func (s *cipherSide) Write(b []byte) (int, error) {
	t := s.of
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pending == nil {
		t.pending = getBuffer(largeSize)[:0]
	}
	t.pending = append(t.pending, b...)
	return len(b), nil
}

// SetWriteDeadline does nothing: the writes to the socket have deadlines of their own.
func (s *cipherSide) SetWriteDeadline(time.Time) error { return nil }

// answer writes the bytes that wait, unless another goroutine does.
func (t *tlsConn) answer() {
	if t.drained() || !t.turn.TryLock() {
		return
	}
	defer t.turn.Unlock()
	_ = t.raw.SetWriteDeadline(time.Now().Add(answerTime)) // the write reports the error
	_, _ = t.flush()                                       // what is left goes out with the next write
}

// Write encrypts and writes. After an error that is a timeout it may be called again with
// the bytes that were not written.
func (t *tlsConn) Write(b []byte) (written int, err error) {
	for {
		n, err := t.writePiece(b[written:])
		written += n
		if err != nil || written == len(b) && t.drained() {
			return written, err
		}
	}
}

// writePiece encrypts the next piece of b, and writes what waits.
func (t *tlsConn) writePiece(b []byte) (int, error) {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.ahead == 0 && len(b) > 0 {
		n := min(len(b), tlsPiece)
		if _, err := t.Conn.Write(b[:n]); err != nil {
			return 0, err
		}
		t.ahead = n
	}
	sent, err := t.flush()
	n := t.ahead
	if err != nil { // the last byte counts as written when all are
		n = min(sent, max(t.ahead-1, 0))
	}
	t.ahead -= n
	return n, err
}

// flush writes the bytes that wait. The caller has the turn.
func (t *tlsConn) flush() (written int, err error) {
	for {
		t.mu.Lock()
		b := t.pending
		t.pending = nil
		t.mu.Unlock()
		if len(b) == 0 {
			return written, nil
		}
		n, err := t.raw.Write(b)
		written += n
		if err != nil {
			t.mu.Lock()
			t.pending = append(append(getBuffer(len(b) - n + len(t.pending))[:0], b[n:]...), t.pending...)
			t.mu.Unlock()
			putBuffer(b)
			return written, err
		}
		putBuffer(b)
	}
}

// drained reports whether no bytes wait.
func (t *tlsConn) drained() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.pending) == 0
}

// CloseWrite sends a close_notify, and ends output.
func (t *tlsConn) CloseWrite() error {
	t.turn.Lock()
	defer t.turn.Unlock()
	_ = t.Conn.CloseWrite() // it was called before, or the handshake has failed
	if _, err := t.flush(); err != nil {
		return err
	}
	if half, ok := t.raw.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// sayGoodbye sends a close_notify, unless a write is under way.
func (t *tlsConn) sayGoodbye() {
	if !t.turn.TryLock() {
		return
	}
	defer t.turn.Unlock()
	_ = t.Conn.CloseWrite()                                 // as above
	_ = t.raw.SetWriteDeadline(time.Now().Add(goodbyeTime)) // the write reports the error
	_, _ = t.flush()                                        // the client can do without
}

// Close closes the socket, so that the client sees that the output is incomplete. See
// sayGoodbye.
func (t *tlsConn) Close() error { return t.raw.Close() }

// SetDeadline, SetReadDeadline and SetWriteDeadline are for the socket.
func (t *tlsConn) SetDeadline(at time.Time) error      { return t.raw.SetDeadline(at) }
func (t *tlsConn) SetReadDeadline(at time.Time) error  { return t.raw.SetReadDeadline(at) }
func (t *tlsConn) SetWriteDeadline(at time.Time) error { return t.raw.SetWriteDeadline(at) }

// SetLinger has Close reset the connection, if seconds is 0.
func (t *tlsConn) SetLinger(seconds int) error {
	if tcp, ok := t.raw.(interface{ SetLinger(seconds int) error }); ok {
		return tcp.SetLinger(seconds)
	}
	return nil
}
