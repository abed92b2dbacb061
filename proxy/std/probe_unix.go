//go:build unix

package std

import (
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/dynlb/dynlb/proxy/policy"
)

// prober tells whether there is something to read on a connection, without waiting
// for it.
type prober struct {
	raw   syscall.RawConn  // nil when conn has none
	onAsk func(fd uintptr) // made once; sets the fields below
	one   [1]byte          // what is read, and lost
	n     int              // how much of it
	err   error            // why nothing was read
}

// newProber returns the prober of a connection.
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

// ask returns nil when there is nothing to read. stray reports whether there are
// bytes, one of which is lost then; otherwise the connection has ended.
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
