package proxy

import (
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/proxy/http1"
)

// socket is the connection below an http.ClientConn, which reads it from one
// goroutine. It checks the responses before net/http, which is lenient, gets to
// see them, and notes whether anything was sent or received since a response was
// last expected.
type socket struct {
	*net.TCPConn
	sent, received atomic.Bool
	responses      *sync.Pool // of *http1.Response
	inlet          inlet

	mu       sync.Mutex      // guards all below
	phase    phase           // atEnd is before the first response, too
	head     bool            // the request's method is HEAD
	upgrade  bool            // the request asks to switch protocols
	response *http1.Response // being read; nil when none is
	body     http1.Body      // of the response that was read
	spoilt   bool            // no other response may follow
}

// What an instance sends that is no part of a response.
var errSurplus = &http1.Error{Status: 502, Reason: "bytes that are no part of a response"}

// expect is called before a request is sent. It says what matters of that for
// the response.
func (s *socket) expect(head, upgrade bool) {
	s.sent.Store(false)
	s.received.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.head, s.upgrade = atHead, head, upgrade
}

// reusable reports whether the response was read to its end, and another may
// follow.
func (s *socket) reusable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == atEnd && !s.spoilt
}

// Read hands out the bytes of valid responses, heads only when they are
// complete.
func (s *socket) Read(p []byte) (int, error) { return s.inlet.read(s, p) }

// fetch reads from the instance.
func (s *socket) fetch(p []byte) (int, error) { return s.TCPConn.Read(p) }

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
		pass, err = s.checkHead(b)
	case inBody:
		pass, err = s.checkBody(b)
	default:
		err = errSurplus
	}
	if err != nil {
		s.phase = refusing
	}
	s.spoilt = s.spoilt || s.phase == atEnd && pass < len(b)
	return 0, pass, err
}

// checkHead reads heads up to the final one, and what is there of the content.
func (s *socket) checkHead(b []byte) (n int, err error) {
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
	content, err := s.checkBody(b[n:])
	return n + content, err
}

// checkBody reads content.
func (s *socket) checkBody(b []byte) (int, error) {
	n, err := s.body.Skip(b)
	if s.body.Done() {
		s.phase = atEnd
	}
	return n, err
}

// Write notes that something was sent.
func (s *socket) Write(b []byte) (int, error) {
	n, err := s.TCPConn.Write(b)
	if n > 0 {
		s.sent.Store(true)
	}
	return n, err
}

// ReadFrom copies through a buffer of ours, where net.TCPConn would allocate
// one for each body.
func (s *socket) ReadFrom(r io.Reader) (int64, error) {
	buffer := buffers{}.Get()
	defer buffers{}.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{s}, r, buffer)
}
