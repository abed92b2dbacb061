package handshake

import (
	"errors"
	"io"
	"sync/atomic"
	"syscall"
)

// Counts is how many handshakes have ended, and how.
type Counts struct {
	// Full and Resumed have succeeded; a resumed one takes less time on both sides. Failed
	// have not, and in those of Left the client ended the connection.
	Full, Resumed, Failed, Left uint64
}

// counts has the Counts.
type counts struct{ full, resumed, failed, left atomic.Uint64 }

// Count counts a handshake that another package has done, over QUIC. err is nil unless it
// has failed; io.EOF tells that the client has left.
func (s *Server) Count(resumed bool, err error) { s.counts.add(resumed, err) }

// add counts a handshake, which ended with err.
func (c *counts) add(resumed bool, err error) {
	switch {
	case err == nil && resumed:
		c.resumed.Add(1)
	case err == nil:
		c.full.Add(1)
	case hasLeft(err):
		c.left.Add(1)
	default:
		c.failed.Add(1)
	}
}

// hasLeft reports whether a handshake failed because the client ended the connection.
func hasLeft(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) }

// Counts returns how many handshakes have ended. It may be called for nil, which had none.
func (s *Server) Counts() Counts {
	if s == nil {
		return Counts{}
	}
	c := &s.counts
	return Counts{Full: c.full.Load(), Resumed: c.resumed.Load(), Failed: c.failed.Load(), Left: c.left.Load()}
}
