// Package lent is for a request of HTTP/2 whose connection one goroutine owns and which
// another one carries: an event loop lends a stream to a goroutine that may block.
//
//	Stream   one request and its response
//	Work     what the goroutine has done, for the owner of the connection
//
// The goroutine has a Stream as the http.ResponseWriter and the content of a request of
// net/http. The owner feeds it the content that arrives, and takes the Work.
//
// # Back pressure
//
// Content that was not read stays in the Stream; the window of HTTP/2 bounds it. Of what was
// written, maxOutput bytes wait for the client, and a Write waits for room.
package lent

import (
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/dynlb/dynlb/proxy/deadline"
)

const (
	// maxOutput is how much may wait for the client, as much as the window of a client has
	// before any settings (RFC 9113, 6.9.2).
	maxOutput = 64 << 10
	// reportRead is how much content may have been read before the owner is woken for it: a
	// quarter of the smallest window that is given to a client.
	reportRead = 16 << 10
)

// Stream is one request and its response. Create one with New. The methods of the
// http.ResponseWriter and the reads are for one goroutine at a time each, all others for
// any.
type Stream struct {
	wake   func()
	toHead bool // the response has no content
	header http.Header
	status int // of the final response; 0: it has not begun

	mu       sync.Mutex // guards all below
	in       []byte     // content that has arrived
	start    int        // what of it was read
	ended    bool       // all of the content has arrived
	trailer  []byte     // the trailer section of the request
	gone     bool       // the client is
	closed   bool       // the response has ended
	leave    context.CancelFunc
	woken    bool // the owner is to call Take
	work     Work
	spare    []byte // memory for Work.Content
	unsent   int    // bytes that the owner has taken, and the client has not
	readBy   deadline.Deadline
	writeBy  deadline.Deadline
	readable sync.Cond
	writable sync.Cond
}

// Work is what a Stream has for the owner of the connection, in the order in which it must be
// done.
type Work struct {
	// Read is how much content was read.
	Read int
	// Heads are the heads of responses: informational ones, and the final one.
	Heads []Head
	// Content is valid until the next Take.
	Content []byte
	// Ended tells that no more content follows, but Trailer.
	Ended bool
	// Trailer are the fields of the trailer section.
	Trailer []Field
	// Finished tells that the request was carried: there will be no more Work.
	Finished bool
	// Broken tells that the response is incomplete, and must look so.
	Broken bool
}

// Head is the head of a response.
type Head struct {
	Status int
	Fields []Field
}

// Field is a field of a response.
type Field struct{ Name, Value string }

// New returns a Stream. wake is called when there is something to Take, by any goroutine; it
// must not block. toHead tells that the method of the request is HEAD.
func New(wake func(), toHead bool) *Stream {
	s := &Stream{wake: wake, toHead: toHead, header: make(http.Header)}
	s.readable.L, s.writable.L = &s.mu, &s.mu
	return s
}

// Bind has cancel be called when the client is gone.
func (s *Stream) Bind(cancel context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leave = cancel
	if s.gone {
		cancel()
	}
}

// Feed adds content that has arrived, all of it if end is set, with a trailer section.
func (s *Stream) Feed(payload []byte, end bool, trailer []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.start > 0 && len(s.in)+len(payload) > cap(s.in) {
		s.in, s.start = append(s.in[:0], s.in[s.start:]...), 0
	}
	s.in = append(s.in, payload...)
	if end {
		s.ended, s.trailer = true, append([]byte(nil), trailer...)
	}
	s.readable.Broadcast()
}

// Gone notes that the client is gone: all reads and writes fail.
func (s *Stream) Gone() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gone, s.in, s.start = true, nil, 0
	if s.leave != nil {
		s.leave()
	}
	s.readable.Broadcast()
	s.writable.Broadcast()
}

// Take returns what there is to do for the owner.
func (s *Stream) Take() Work {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.work
	s.work = Work{Content: s.spare[:0]}
	s.spare, s.woken = w.Content, false
	s.unsent += len(w.Content)
	return w
}

// Sent notes that the client has been sent all content that was taken.
func (s *Stream) Sent() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsent > 0 {
		s.unsent = 0
		s.writable.Broadcast()
	}
}

// Finish notes that the request was carried, with a response that is incomplete or not. A
// response that was not begun is empty.
func (s *Stream) Finish(broken bool) {
	if s.status == 0 && !broken {
		s.WriteHeader(http.StatusOK)
	}
	s.mu.Lock()
	s.close()
	s.work.Finished, s.work.Broken = true, broken
	s.readBy.Stop()
	s.writeBy.Stop()
	s.unlockAndWake()
}

// close ends the response, once.
func (s *Stream) close() {
	if !s.closed {
		s.closed, s.work.Ended, s.work.Trailer = true, true, trailers(s.header)
	}
}

// unlockAndWake wakes the owner, unless it was woken and has not come yet.
func (s *Stream) unlockAndWake() {
	woken := s.woken
	s.woken = true
	s.mu.Unlock()
	if !woken {
		s.wake()
	}
}

// errGone says that the client of a stream is gone.
var errGone = io.ErrClosedPipe
