//go:build !unix

package proxy

import "github.com/dynlb/dynlb/proxy/internal/fault"

// open prepares the reading of s.
func (r *rawReader) open(*socket) error { return nil }

// read reads into p. Bytes that come just before a request is sent may be taken
// for the response to it.
func (r *rawReader) read(s *socket, p []byte) (int, error) {
	n, err := s.TCPConn.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 && s.unaskedLocked() {
		return 0, fault.ErrSurplus
	}
	return n, err
}

// probe does nothing.
func (r *rawReader) probe() error { return nil }
