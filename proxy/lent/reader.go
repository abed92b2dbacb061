package lent

import (
	"io"
	"os"
	"time"
)

// Read reads content. It waits until some has arrived.
func (s *Stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	for s.start == len(s.in) {
		switch {
		case s.gone:
			s.mu.Unlock()
			return 0, errGone
		case s.ended:
			s.mu.Unlock()
			return 0, io.EOF
		case s.readBy.Passed():
			s.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		}
		s.readable.Wait()
	}
	n := copy(p, s.in[s.start:])
	if s.start += n; s.start == len(s.in) {
		s.in, s.start = s.in[:0], 0
	}
	if s.work.Read += n; s.work.Read >= reportRead {
		s.unlockAndWake()
	} else {
		s.mu.Unlock()
	}
	return n, nil
}

// Close does nothing: what is not read is dropped when the request was carried.
func (s *Stream) Close() error { return nil }

// Trailer returns the trailer section of the request, when a Read has returned io.EOF: lines
// of HTTP/1.1.
func (s *Stream) Trailer() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trailer
}

// SetReadDeadline bounds the time that reads wait; see http.ResponseController.
func (s *Stream) SetReadDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readBy.Set(t, &s.mu, &s.readable)
	return nil
}
