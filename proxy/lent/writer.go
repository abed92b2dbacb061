package lent

import (
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"
)

// Header returns the fields of the response; see http.ResponseWriter. Those whose names begin
// with http.TrailerPrefix when the response ends are its trailer section.
func (s *Stream) Header() http.Header { return s.header }

// WriteHeader sends the head of a response. A status below 200 is informational.
func (s *Stream) WriteHeader(status int) {
	if s.status != 0 {
		return
	}
	head := Head{Status: status, Fields: fields(s.header)}
	if status >= http.StatusOK {
		s.status = status
	}
	s.mu.Lock()
	s.work.Heads = append(s.work.Heads, head)
	if status >= http.StatusOK {
		s.mu.Unlock() // content follows, or the end
		return
	}
	s.unlockAndWake()
}

// fields returns the fields of a head.
func fields(h http.Header) []Field {
	var list []Field
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name == "Connection" || strings.HasPrefix(name, http.TrailerPrefix) { // HTTP/2 has no such field
			continue
		}
		for _, value := range h[name] {
			list = append(list, Field{name, value})
		}
	}
	return list
}

// trailers returns the fields of the trailer section.
func trailers(h http.Header) []Field {
	var list []Field
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if plain, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			for _, value := range h[name] {
				list = append(list, Field{plain, value})
			}
		}
	}
	return list
}

// Write writes content. It waits while much of it waits for the client.
func (s *Stream) Write(b []byte) (written int, err error) {
	if s.status == 0 {
		s.WriteHeader(http.StatusOK)
	}
	if s.toHead {
		return len(b), nil
	}
	s.mu.Lock()
	for len(b) > 0 {
		switch room := maxOutput - len(s.work.Content) - s.unsent; {
		case s.gone:
			s.mu.Unlock()
			return written, errGone
		case room > 0:
			n := min(room, len(b))
			s.work.Content = append(s.work.Content, b[:n]...)
			written += n
			b = b[n:]
		case s.writeBy.Passed():
			s.mu.Unlock()
			return written, os.ErrDeadlineExceeded
		default:
			if len(s.work.Content) > 0 {
				s.unlockAndWake()
				s.mu.Lock()
			}
			s.waitForRoom()
		}
	}
	s.mu.Unlock()
	return written, nil
}

// waitForRoom waits until the client has taken something, or the time is up.
func (s *Stream) waitForRoom() {
	for len(s.work.Content)+s.unsent >= maxOutput && !s.gone && !s.writeBy.Passed() {
		s.writable.Wait()
	}
}

// FlushError has what was written sent; see http.ResponseController. It does not wait for the
// client.
func (s *Stream) FlushError() error {
	if s.status == 0 {
		s.WriteHeader(http.StatusOK)
	}
	s.mu.Lock()
	if s.gone {
		s.mu.Unlock()
		return errGone
	}
	s.unlockAndWake()
	return nil
}

// CloseWrite ends the content, while the request may go on.
func (s *Stream) CloseWrite() {
	s.mu.Lock()
	s.close()
	s.unlockAndWake()
}

// SetWriteDeadline bounds the time that writes wait; see http.ResponseController.
func (s *Stream) SetWriteDeadline(t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeBy.Set(t, &s.mu, &s.writable)
	return nil
}
