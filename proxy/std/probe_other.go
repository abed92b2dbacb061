//go:build !unix

package std

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// probeTime is how long ask waits: there is no portable way to read without waiting.
const probeTime = time.Millisecond

// prober reports whether there is something to read from a connection.
type prober struct{ conn net.Conn }

// newProber prepares p for a connection.
func newProber(p *prober, conn net.Conn) { p.conn = conn }

// ask returns nil if there is nothing to read. Otherwise the connection must be closed:
// stray reports whether bytes have arrived; if not, the connection has ended.
func (p *prober) ask() (stray bool, err error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(probeTime)) // the read reports the error
	n, err := p.conn.Read(make([]byte, 1))
	switch {
	case n > 0:
		return true, policy.ErrSurplus
	case errors.Is(err, os.ErrDeadlineExceeded):
		return false, nil
	default:
		return false, err
	}
}
