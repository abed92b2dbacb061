package handshake

import (
	"crypto/tls"
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

// add counts a handshake of conn, which ended with err.
func (c *counts) add(conn *tls.Conn, err error) {
	switch {
	case err == nil && conn.ConnectionState().DidResume:
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
