package proxy

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// phase is where in what the client sends the next byte to be read stands.
//
//	         net/http has responded
//	   .---------------------------------.
//	   v                                 |
//	atHead ------> inBody ------------> atEnd
//	   |  \           |                  |
//	   |   `----------+---> refusing     |
//	   `------------------> passing <----'
//
// It is passing after the HTTP/2 preface, and in a tunnel.
type phase uint8

const (
	atHead   phase = iota // before or in the head of a request
	inBody                // net/http has the head, but not all of the content
	atEnd                 // net/http has the request; the next one must wait
	passing               // it is not HTTP/1.1 any more
	refusing              // nothing more is read
)

// guardedConn is a client's connection. It is read by one goroutine of net/http
// at a time. Writing and closing are as with any connection.
type guardedConn struct {
	net.Conn
	guard *guard
	rules *rules // that the request being read began under

	inlet   inlet
	phase   phase
	used    bool           // a request was read
	last    bool           // no request may follow the one that was read
	request *http1.Request // of which some was read; nil when none is
	began   time.Time      // when that began
	body    http1.Body     // of the request that was read
	one     [1]byte        // what wait reads into

	violation atomic.Pointer[http1.Error] // why the connection is refusing
	owing     atomic.Bool                 // it must linger before it is closed

	mu       sync.Mutex    // guards all below
	deadline time.Time     // of reads, as net/http set it
	own      time.Time     // of reads, as the guard set it
	only     bool          // own counts, whatever deadline is
	closed   bool          // by net/http
	changed  chan struct{} // capacity 1; gets a value when deadline or closed changes
}

// newGuardedConn returns conn guarded, its first request being due.
func newGuardedConn(conn net.Conn, g *guard) *guardedConn {
	c := &guardedConn{Conn: conn, guard: g, rules: g.rules.Load(), changed: make(chan struct{}, 1)}
	c.limit(time.Now().Add(c.rules.headTime), true)
	return c
}

// Read hands out what net/http may see: no byte of a request before its head is
// complete and all that is there of it is valid, and none of the next request
// before this one is answered.
func (c *guardedConn) Read(p []byte) (int, error) {
	if c.inlet.passed > 0 {
		return c.inlet.take(p), nil
	}
	switch c.phase {
	case passing:
		return c.Conn.Read(p)
	case atEnd:
		return 0, c.wait()
	case refusing:
		return 0, io.EOF
	default:
		n, err := c.inlet.read(c, p)
		if err != nil {
			err = c.failed(err)
		}
		return n, err
	}
}

// fetch reads from the client. A request that has begun must go on in time.
func (c *guardedConn) fetch(p []byte) (int, error) {
	switch {
	case c.phase == inBody:
		c.limit(time.Now().Add(c.rules.bodyTime), false)
	case len(c.inlet.held) > 0 && c.began.IsZero():
		c.began = time.Now()
		c.limit(c.began.Add(c.rules.headTime), true)
	}
	return c.Conn.Read(p)
}

// check lets the bytes of one request pass.
func (c *guardedConn) check(b []byte) (skip, pass int, err error) {
	if c.phase == inBody {
		pass, err = c.body.Skip(b)
		if err == nil && c.body.Done() {
			c.phase = atEnd
			c.limit(time.Time{}, false)
		}
		return 0, pass, err
	}
	if !c.used {
		has, may := http1.HasPreface(b)
		if has {
			c.phase = passing
			c.limit(time.Time{}, false)
			return 0, len(b), nil
		}
		if may {
			return 0, 0, nil
		}
	}
	return c.checkHead(b)
}

// checkHead lets a head pass, and what is there of its content, when it is
// complete and all of that is valid.
func (c *guardedConn) checkHead(b []byte) (skip, pass int, err error) {
	if c.request == nil {
		c.rules = c.guard.rules.Load()
		c.request = c.rules.requests.Get().(*http1.Request)
	}
	n, err := c.request.Parse(b)
	if n == 0 || err != nil {
		return 0, 0, err
	}
	c.body = c.request.Body()
	content, err := c.body.Skip(b[n:])
	if err != nil {
		return 0, 0, err
	}
	if b[0] == '\r' {
		skip = len("\r\n") // net/http does not know that it may be there
	}
	c.used, c.last = true, !c.request.KeepAlive
	c.phase = inBody
	if c.body.Done() {
		c.phase = atEnd
	}
	c.forget()
	return skip, n - skip + content, nil
}

// forget ends the reading of a head.
func (c *guardedConn) forget() {
	c.request.Reset()
	c.rules.requests.Put(c.request)
	c.request, c.began = nil, time.Time{}
	c.limit(time.Time{}, false)
}

// failed makes of an error of the inlet what net/http gets. A violation before
// net/http has any of the request is answered here and now: what came before is
// answered already. Of a later one the handler learns.
func (c *guardedConn) failed(err error) error {
	e, ok := errors.AsType[*http1.Error](err)
	if !ok && errors.Is(err, os.ErrDeadlineExceeded) && c.expired() {
		switch {
		case c.phase == inBody:
			e = fault.ErrSlowBody
		case !c.began.IsZero():
			e = fault.ErrSlowHead
		default: // nothing was sent: nothing to answer
		}
	}
	if e == nil {
		return err
	}
	begun := c.phase == inBody
	c.phase = refusing
	c.violation.Store(e)
	if begun {
		c.owing.Store(true)
		return e
	}
	c.refuse(e)
	return io.EOF // net/http closes the connection, and says nothing
}

// next is called when net/http has answered a request. That it awaits another
// where the guard does not cannot be; if it is, nothing more is read.
func (c *guardedConn) next() {
	if c.phase == atEnd && c.inlet.passed == 0 && !c.last {
		c.phase = atHead
		c.limit(time.Now().Add(c.guard.rules.Load().idleTime), true)
		return
	}
	c.phase = refusing
}

// pass is called when net/http gives the connection away to be a tunnel.
func (c *guardedConn) pass() {
	if c.phase != atEnd || c.inlet.passed > 0 {
		c.phase = refusing
		return
	}
	c.phase = passing
	c.inlet.passed = len(c.inlet.held)
}

// wait keeps net/http from the next request, as long as it asks: until the
// deadline passes or the client goes away. That is not noticed once the client
// has sent more; net/http does not either.
func (c *guardedConn) wait() error {
	if len(c.inlet.held) == 0 {
		n, err := c.Conn.Read(c.one[:])
		if n == 0 {
			return err
		}
		c.inlet.held = append(c.inlet.held, c.one[0])
	}
	for {
		c.mu.Lock()
		deadline, closed := c.deadline, c.closed
		c.mu.Unlock()
		var late <-chan time.Time
		switch left := time.Until(deadline); {
		case closed:
			return net.ErrClosed
		case deadline.IsZero():
		case left <= 0:
			return os.ErrDeadlineExceeded
		default:
			late = time.After(left)
		}
		select {
		case <-c.changed:
		case <-late:
		}
	}
}
