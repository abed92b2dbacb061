//go:build !unix

package std

import (
	"errors"
	"net"
	"os"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// probeTime is how long a probe waits for bytes.
const probeTime = time.Millisecond

// prober tells whether there is something to read on a connection.
type prober struct{ conn net.Conn }

// newProber returns the prober of a connection.
func newProber(p *prober, conn net.Conn) { p.conn = conn }

// ask returns nil when there is nothing to read. stray reports whether there are
// bytes, one of which is lost then; otherwise the connection has ended.
func (p *prober) ask() (stray bool, err error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(probeTime)) // it fails as the read will
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
