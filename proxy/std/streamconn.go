package std

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// streamConn is a client's connection of HTTP/2, as net/http gets it.
type streamConn struct {
	net.Conn
	conn    *conn
	unread  []byte        // read from the client before
	idle    atomic.Bool   // it has no stream
	turns   atomic.Uint64 // how often it has become idle, or stopped being so
	leaving atomic.Bool   // leave was called
	ended   atomic.Bool   // linger was called

	mu    sync.Mutex // guards all below, and the order of the writes
	sent  frames
	asked bool // the client has been sent a GOAWAY by ask
}

// Read returns the bytes that were read before, and then those of the connection. What comes
// after the end of output is dropped.
func (c *streamConn) Read(b []byte) (int, error) {
	for len(c.unread) == 0 {
		n, err := c.Conn.Read(b)
		if err != nil || !c.ended.Load() {
			return n, err
		}
	}
	n := copy(b, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

// Write writes frames, or a part of one. It closes the connection when the client takes
// nothing for as long as one of HTTP/1.1 may: net/http would keep it.
func (c *streamConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	n, err := c.writeLocked(b)
	c.sent.pass(b[:n])
	c.mu.Unlock()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = c.Close()
	}
	if err == nil && c.leaving.Load() {
		c.ask()
	}
	return n, err
}

func (c *streamConn) writeLocked(b []byte) (int, error) {
	return c.conn.outlet.write(b, c.conn.lane.options.Settings.Load().IdleTimeout)
}

// Close closes the connection.
func (c *streamConn) Close() error {
	c.conn.lane.streams.forget(c)
	c.conn.close()
	return nil
}

// leave asks the client to leave: it opens no more streams on the connection (RFC 9113,
// 6.8). The connection is closed by the client, or when it has been idle for
// policy.DrainGrace. A connection that is closed without asking loses the requests that
// are on their way. leave does not block.
func (c *streamConn) leave() {
	if c.leaving.Swap(true) {
		return
	}
	go c.ask() // it may wait for the client; it ends with the connection
	c.closeLater()
}

// closeLater closes the connection if it is idle for policy.DrainGrace from now on, and all
// frames are written: the end of the last response may wait for the client.
func (c *streamConn) closeLater() {
	turn := c.turns.Load()
	time.AfterFunc(policy.DrainGrace, func() {
		switch {
		case !c.idle.Load() || c.turns.Load() != turn:
		case !c.mu.TryLock():
			c.closeLater()
		default:
			c.mu.Unlock()
			c.linger()
		}
	})
}

// linger ends output, and closes the connection a little later if the client does not. A
// client that is still reading sends WINDOW_UPDATE and the like, which would reset a
// connection that is closed, and it would lose the rest of its response.
func (c *streamConn) linger() {
	c.ended.Store(true)
	limit := policy.LingerTimeout
	if l := c.conn.lane; l.closing.Load() || l.full() {
		limit = shutdownLinger
	}
	time.AfterFunc(limit, func() { _ = c.Close() })
	closeWrite(c.Conn) // it may wait for the client
}

// ask sends the GOAWAY, unless a write is under way, which does it afterwards.
func (c *streamConn) ask() {
	if c.mu.TryLock() {
		defer c.mu.Unlock()
		c.askLocked()
	}
}

// goAway is a GOAWAY of 8 bytes on stream 0: all streams up to the highest identifier
// are carried, and there is no error (RFC 9113, 6.8).
const goAway = "\x00\x00\x08\x07\x00\x00\x00\x00\x00" + "\x7f\xff\xff\xff" + "\x00\x00\x00\x00"

// askLocked sends the GOAWAY, once, between two frames. net/http does not know of it, and
// carries the streams that the client opened before it read the frame.
func (c *streamConn) askLocked() {
	if c.asked || !c.sent.between() {
		return
	}
	c.asked = true
	_, _ = c.writeLocked([]byte(goAway)) // an error means that the client has left
}

// streamsState is an http.Server.ConnState. A connection is idle when it has no stream.
// The end of the last response may not be sent yet, so that such a connection is not
// closed at once.
func (l *Lane) streamsState(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*streamConn)
	if !ok {
		return
	}
	c.idle.Store(state == http.StateIdle)
	c.turns.Add(1)
	switch {
	case state != http.StateIdle:
		l.idleConns.remove(&c.conn.member)
	case c.leaving.Load():
		c.closeLater()
	default:
		l.rests(&c.conn.member, false)
	}
}

// frameHead is the size of the head of a frame (RFC 9113, 4.1).
const frameHead = 9

// frames follows the frames that are sent, to know where one ends.
type frames struct {
	head  [frameHead]byte
	have  int  // bytes of the head
	left  int  // bytes of the payload that are still to come
	begun bool // the first one was sent, SETTINGS: none may come before it (RFC 9113, 3.4)
}

// pass is given what was sent.
func (f *frames) pass(b []byte) {
	for len(b) > 0 {
		if f.left > 0 {
			n := min(f.left, len(b))
			f.left -= n
			b = b[n:]
			continue
		}
		n := copy(f.head[f.have:], b)
		f.have += n
		b = b[n:]
		if f.have == frameHead {
			f.begun, f.have, f.left = true, 0, int(f.head[0])<<16|int(f.head[1])<<8|int(f.head[2])
		}
	}
}

// between reports whether the last frame is complete.
func (f *frames) between() bool { return f.begun && f.have == 0 && f.left == 0 }
