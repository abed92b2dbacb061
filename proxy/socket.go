package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// socket is the connection below an http.ClientConn, which reads it from one
// goroutine. It checks the responses before net/http, which is lenient, gets to
// see them: what came before its request is no response. And it notes whether
// anything was sent or received since a response was last expected.
type socket struct {
	*net.TCPConn
	sent, received atomic.Bool
	responses      *sync.Pool    // of *http1.Response
	open           *atomic.Int64 // counts it, until Close
	closed         atomic.Bool
	limit          time.Duration // a write of content fails when none is taken for 2 to 3 times as long; 0: never
	inlet          inlet
	raw            rawReader

	mu       sync.Mutex      // guards all below
	phase    phase           // atEnd before the first response, too
	asked    bool            // atHead: the request has begun to be sent
	content  bool            // atHead: it has content
	head     bool            // its method is HEAD
	upgrade  bool            // it asks to switch protocols
	response *http1.Response // being read; nil when none is
	body     http1.Body      // of the response that was read
	spoilt   bool            // no other response may follow
}

// connect gives the socket its connection.
func (s *socket) connect(conn *net.TCPConn) error {
	s.TCPConn = conn
	return s.raw.open(s)
}

// Close closes the connection.
func (s *socket) Close() error {
	if !s.closed.Swap(true) {
		s.open.Add(-1)
	}
	return s.TCPConn.Close()
}

// expect is called before a request is sent. It says what matters of that.
func (s *socket) expect(head, upgrade, content bool) {
	s.sent.Store(false)
	s.received.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.asked, s.head, s.upgrade, s.content = atHead, false, head, upgrade, content
}

// reusable reports whether the response was read to its end, and another may
// follow.
func (s *socket) reusable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == atEnd && !s.spoilt
}

// unaskedLocked reports whether the instance has no reason to send anything.
func (s *socket) unaskedLocked() bool {
	return s.phase == atEnd || s.phase == atHead && !s.asked
}

// Read hands out the bytes of valid responses, heads only when they are
// complete.
func (s *socket) Read(p []byte) (int, error) { return s.inlet.read(s, p) }

// fetch reads from the instance.
func (s *socket) fetch(p []byte) (int, error) { return s.raw.read(s, p) }

// check lets the bytes of one response pass, and those of informational
// responses before it.
func (s *socket) check(b []byte) (skip, pass int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.phase {
	case passing:
		return 0, len(b), nil
	case atHead:
		s.received.Store(true)
		pass, err = s.checkHeadLocked(b)
	case inBody:
		pass, err = s.checkBodyLocked(b)
	default:
		err = fault.ErrSurplus
	}
	if err != nil {
		s.phase = refusing
	}
	s.spoilt = s.spoilt || s.phase == atEnd && pass < len(b)
	return 0, pass, err
}

// checkHeadLocked reads heads up to the final one, and what is there of the
// content.
func (s *socket) checkHeadLocked(b []byte) (n int, err error) {
	if s.response == nil {
		s.response = s.responses.Get().(*http1.Response)
		s.response.Reset(s.head, s.upgrade)
	}
	r := s.response
	for {
		length, err := r.Parse(b[n:])
		if n += length; length == 0 || err != nil {
			return n, err
		}
		if !r.Informational() {
			break
		}
		r.Reset(s.head, s.upgrade)
	}
	s.phase = inBody
	if s.content { // now it may take its time
		_ = s.SetWriteDeadline(time.Time{}) // it fails as the write will
	}
	if r.Upgrade != nil {
		s.phase = passing
	}
	s.body, s.spoilt = r.Body(), !r.KeepAlive
	r.Reset(false, false)
	s.responses.Put(r)
	s.response = nil
	if s.phase == passing {
		return len(b), nil
	}
	content, err := s.checkBodyLocked(b[n:])
	return n + content, err
}

// checkBodyLocked reads content.
func (s *socket) checkBodyLocked(b []byte) (int, error) {
	n, err := s.body.Skip(b)
	if s.body.Done() {
		s.phase = atEnd
	}
	return n, err
}

// Write sends something, and notes that. It sends nothing of a request on a
// connection that has something to read: that is an end, or no response to it.
func (s *socket) Write(b []byte) (int, error) {
	n, err := steadily(b, s.write)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errTakesNothing
	}
	return n, err
}

// write sends what it can of b in the time that an instance has to take some.
func (s *socket) write(b []byte) (int, error) {
	if err := s.ask(); err != nil {
		return 0, err
	}
	n, err := s.TCPConn.Write(b)
	if n > 0 {
		s.sent.Store(true)
	}
	return n, err
}

// errTakesNothing says that an instance neither takes the content of its request
// nor responds, or takes nothing of a tunnel.
var errTakesNothing = fmt.Errorf("it takes nothing of the content: %w", context.DeadlineExceeded)

// ask marks the moment from which on what the instance sends is a response, and
// sets how long the write that follows may take.
func (s *socket) ask() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.limit > 0 && (s.content && s.phase == atHead || s.phase == passing) {
		_ = s.SetWriteDeadline(time.Now().Add(s.limit)) // it fails as the write will
	}
	if s.asked {
		return nil
	}
	if err := s.raw.probe(); err != nil {
		s.phase = refusing
		return err
	}
	s.asked = true
	return nil
}

// ReadFrom copies through a buffer of ours, where net.TCPConn would allocate
// one for each body.
func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	buffer := buffers{}.Get()
	defer buffers{}.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{s}, r, buffer)
}

// rawReader reads a socket so that nothing can come between reading bytes and
// knowing when they came: what an instance sends just before the next request
// would else be taken for the response to it.
type rawReader struct {
	conn   syscall.RawConn
	onRead func(fd uintptr) bool // reads into buffer, unless there is nothing
	onAsk  func(fd uintptr)      // sets found

	buffer []byte
	n      int
	err    error

	one   [1]byte
	found error
}
