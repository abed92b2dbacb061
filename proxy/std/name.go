package std

import (
	"errors"
	"io"
	"net"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/proxyproto"
)

// nameSize is the size of the buffer that the header of the PROXY protocol is read into
// at first. Most have less than 60 bytes.
const nameSize = 512

// expectName returns a connection whose peer must send a header of the PROXY protocol
// first, and nil for the connection of any other peer, or whose header was read already.
func (l *Lane) expectName(netConn net.Conn) *proxyproto.Conn {
	tcp, ok := netConn.(*net.TCPConn)
	if !ok || !l.options.Settings.Load().Announces(addressOf(tcp)) {
		return nil
	}
	return &proxyproto.Conn{TCPConn: tcp}
}

// readName reads the header of the PROXY protocol, if one is expected.
func (c *conn) readName() {
	if c.unnamed == nil {
		return
	}
	c.lane.rests(&c.member, false)
	h, rest, err := c.receiveName()
	c.lane.idleConns.remove(&c.member)
	switch {
	case errors.Is(err, errEnded):
		c.fate = closes
		return
	case err != nil:
		c.lane.peers.Headless(c.lane.options.Log, c.peer.IP, err)
		c.fate = closes
		return
	case !h.Own:
		c.unnamed.SetClient(h.Client)
		c.peer.IP = addressOf(c.unnamed)
	}
	if c.tls != nil {
		c.unnamed.Unread(rest)
	} else {
		c.intake.hold(rest)
	}
}

// receiveName reads a header of the PROXY protocol. rest is what was read behind it.
func (c *conn) receiveName() (h proxyproto.Header, rest []byte, err error) {
	limit := c.lane.clock.limit(c.lane.rules().HeadTimeout)
	deadline, last := limit.deadline(), false
	b := make([]byte, 0, nameSize)
	for {
		_ = c.unnamed.SetReadDeadline(deadline) // the read reports the error
		if !last && c.leaving() {
			last = true
			deadline = earlier(deadline, time.Now().Add(c.lastWait()))
			_ = c.unnamed.SetReadDeadline(deadline)
		}
		if len(b) == cap(b) {
			b = append(make([]byte, 0, proxyproto.MaxSize), b...)
		}
		n, err := c.unnamed.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if n > 0 {
			h, n, err := proxyproto.Parse(b)
			if n > 0 || err != nil {
				return h, b[n:], err
			}
			continue
		}
		switch {
		case errors.Is(err, io.EOF) && len(b) == 0: // a check of the port
			return h, nil, errEnded
		case err != nil && !isTimeout(err):
			return h, nil, err
		case !last && c.leaving() || last && time.Now().Before(deadline): // Shutdown wakes all reads
			continue
		case last:
			return h, nil, errEnded
		}
		next, more := limit.extend()
		if !more {
			return h, nil, policy.ErrSlowHead
		}
		deadline = next
	}
}
