package h2c

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/deadline"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/http2"
	"github.com/dynlb/dynlb/proxy/policy"
)

// Conn is one request and its response on a session, as a connection of HTTP/1.1. The
// first Write must have the whole head of the request. After the response there can be no
// other request. All methods are safe for concurrent use, but one goroutine at a time may
// write and one may read.
type Conn struct {
	session *session
	existed bool // the session existed before Dial was called

	// The mutex of the session guards all below.
	call     http2.Call
	begun    bool       // the head was sent
	from     uint64     // where in the output of the session the head begins
	body     http1.Body // of the request
	trailer  []byte     // of the request, as far as it was written
	run      int        // how many bytes that are to be written are known to be payload
	switches bool       // the request is for a WebSocket: what follows its head has no framing
	in       []byte     // what was received
	start    int        // what of it was read
	unpaid   int        // how much of it the instance does not know to be read
	over     bool       // nothing more is received
	err      error      // why
	closed   bool
	readBy   deadline.Deadline
	writeBy  deadline.Deadline
	readable sync.Cond
	writable sync.Cond
}

// Reused reports whether the connection to the instance is older than the request.
func (c *Conn) Reused() bool { return c.existed }

// requests lends out readers of heads. What they read was checked before, with limits of
// the operator's choice.
var requests = sync.Pool{New: func() any {
	limits := policy.ResponseLimits
	limits.Line, limits.Head, limits.Fields, limits.Underscores = maxHead, maxHead, maxFields, true
	return http1.NewRequest(limits)
}}

// The limits for requests are above those that a config can set.
const (
	maxHead   = 8 << 20
	maxFields = 20000
)

// errHead says that a Write did not begin with the head of a request.
var errHead = errors.New("write head: it is incomplete")

// begin sends the head of the request. It returns its length.
func (c *Conn) begin(b []byte) (int, error) {
	s := c.session
	if c.over {
		return 0, c.err
	}
	if s.caller.Leaving() {
		return 0, errUnsent
	}
	r := requests.Get().(*http1.Request)
	defer requests.Put(r)
	defer r.Reset() // runs before Put
	n, err := r.Parse(b)
	if err == nil && n == 0 {
		err = errHead
	}
	if err != nil {
		return 0, err
	}
	if c.switches = http2.Switches(r); c.switches && !s.caller.Connects() {
		return 0, ErrNoConnect
	}
	c.begun, c.from = true, s.taken+uint64(len(s.caller.Output()))
	s.unbegun--
	c.body = r.Body()
	c.body.SplitTrailer = true
	s.caller.Begin(&c.call, r)
	return n, nil
}

// Write sends a part of the request.
func (c *Conn) Write(b []byte) (n int, err error) {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.wake.Signal()
	if c.closed {
		return 0, net.ErrClosed
	}
	if !c.begun {
		if n, err = c.begin(b); err != nil {
			return 0, err
		}
	}
	if c.switches {
		sent, err := c.send(b[n:])
		return n + sent, err
	}
	for n < len(b) {
		if c.run == 0 {
			inTrailer := c.body.InTrailer()
			used, payload, err := c.body.Next(b[n:])
			if err != nil {
				return n, err
			}
			if inTrailer {
				c.trailer = append(c.trailer, b[n:n+used]...)
			}
			if used == 0 {
				return n, policy.ErrSurplus
			}
			n, c.run = n+used-len(payload), len(payload)
		}
		sent, err := c.send(b[n : n+min(c.run, len(b)-n)])
		n, c.run = n+sent, c.run-sent
		if err != nil {
			return n, err
		}
	}
	if c.body.Done() && c.run == 0 {
		s.caller.EndWith(&c.call, forward.Trailers(c.trailer))
	}
	return n, nil
}

// send sends payload. It waits until the instance takes it.
func (c *Conn) send(b []byte) (sent int, err error) {
	s := c.session
	for sent < len(b) {
		if err := c.unwritable(); err != nil {
			return sent, err
		}
		if len(s.caller.Output()) < maxOutput {
			if sent += s.caller.Write(&c.call, b[sent:]); sent == len(b) {
				break
			}
		} else {
			s.waiting = true
		}
		if c.writeBy.Passed() {
			return sent, os.ErrDeadlineExceeded
		}
		s.wake.Signal()
		c.writable.Wait()
	}
	return sent, nil
}

// unwritable returns why nothing more can be sent, or nil.
func (c *Conn) unwritable() error {
	switch {
	case c.closed:
		return net.ErrClosed
	case c.over && !errors.Is(c.err, io.EOF):
		return c.err
	case !c.call.IsOpen(): // the instance has responded, and needs no more
		return syscall.EPIPE
	default:
		return nil
	}
}

// Read reads some bytes of the response.
func (c *Conn) Read(p []byte) (int, error) {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	for c.start == len(c.in) {
		switch {
		case c.closed:
			return 0, net.ErrClosed
		case c.over:
			return 0, c.err
		case c.readBy.Passed():
			return 0, os.ErrDeadlineExceeded
		}
		c.readable.Wait()
	}
	n := copy(p, c.in[c.start:])
	if c.start += n; c.start == len(c.in) {
		c.in, c.start = c.in[:0], 0
	}
	c.pay(n)
	return n, nil
}

// pay tells the instance that bytes were read. What frames chunks counts as content that
// follows.
func (c *Conn) pay(n int) {
	n = min(n, c.unpaid)
	c.unpaid -= n
	c.session.caller.Taken(&c.call, n)
	if len(c.session.caller.Output()) > 0 {
		c.session.wake.Signal()
	}
}

// endLocked notes that nothing more is received. A nil error is a whole response.
func (c *Conn) endLocked(err error) {
	if c.over {
		return
	}
	if err == nil {
		err = io.EOF
	}
	c.over, c.err = true, err
	c.readable.Broadcast()
	c.writable.Broadcast()
}

// CloseWrite ends the client's side of a WebSocket. The end of any other request is where its
// framing says.
func (c *Conn) CloseWrite() error {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.switches && c.begun && !c.closed {
		s.caller.End(&c.call)
		s.wake.Signal()
	}
	return nil
}

// Close ends the request. The instance learns that it was given up, unless it has
// responded.
func (c *Conn) Close() error {
	s := c.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.readBy.Stop()
	c.writeBy.Stop()
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.pay(c.unpaid)
	switch {
	case !c.begun:
		s.unbegun--
	case c.over && errors.Is(c.err, io.EOF):
		s.caller.Reset(&c.call, http2.NoError)
	case !c.call.Complete(): // otherwise the end of the response is on its way
		s.caller.Reset(&c.call, http2.Cancel)
	}
	c.in = nil
	delete(s.conns, c)
	s.wake.Signal()
	s.restLocked()
	return nil
}

// LocalAddr returns the address of dynlb on the connection to the instance.
func (c *Conn) LocalAddr() net.Addr { return c.session.conn.LocalAddr() }

// RemoteAddr returns the address of the instance.
func (c *Conn) RemoteAddr() net.Addr { return c.session.conn.RemoteAddr() }

// SetDeadline bounds all reads and writes, SetReadDeadline all reads, and
// SetWriteDeadline all writes, also those under way. The zero time is no limit.
func (c *Conn) SetDeadline(t time.Time) error {
	_ = c.SetReadDeadline(t) // there are no errors
	return c.SetWriteDeadline(t)
}

// SetReadDeadline bounds all reads; see SetDeadline.
func (c *Conn) SetReadDeadline(t time.Time) error { return c.limit(&c.readBy, &c.readable, t) }

// SetWriteDeadline bounds all writes; see SetDeadline.
func (c *Conn) SetWriteDeadline(t time.Time) error { return c.limit(&c.writeBy, &c.writable, t) }

// limit sets a deadline.
func (c *Conn) limit(d *deadline.Deadline, wake *sync.Cond, t time.Time) error {
	c.session.mu.Lock()
	defer c.session.mu.Unlock()
	if !c.closed {
		d.Set(t, &c.session.mu, wake)
	}
	return nil
}
