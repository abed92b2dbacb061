//go:build unix

package std

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/dynlb/dynlb/proxy/policy"
)

// prober reports whether there is something to read from a connection, without
// waiting.
type prober struct {
	raw   syscall.RawConn  // nil if the connection has none
	onAsk func(fd uintptr) // reads a byte, and sets the fields below
	one   [1]byte          // the byte that was read, which is lost
	n     int              // how many bytes were read
	err   error            // why nothing was read
}

// newProber prepares p for a connection.
func newProber(p *prober, conn net.Conn) {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	p.raw = raw
	p.onAsk = func(fd uintptr) {
		for {
			p.n, p.err = syscall.Read(int(fd), p.one[:])
			if !errors.Is(p.err, syscall.EINTR) {
				return
			}
		}
	}
}

// ask returns nil if there is nothing to read. Otherwise the connection must be closed:
// stray reports whether bytes have arrived; if not, the connection has ended.
func (p *prober) ask() (stray bool, err error) {
	if p.raw == nil {
		return false, nil
	}
	if err := p.raw.Control(p.onAsk); err != nil {
		return false, err
	}
	switch {
	case p.n > 0:
		return true, policy.ErrSurplus
	case p.err == nil:
		return false, io.EOF
	case errors.Is(p.err, syscall.EAGAIN):
		return false, nil
	default:
		return false, p.err
	}
}
