package std

import (
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// switchTo sends the head of the 200 that is to a client of HTTP/2 what a 101 is in HTTP/1.1
// (RFC 8441, 5).
func (s *stream) switchTo(r *http1.Response, rest []byte) error {
	h := s.writer.Header()
	for name, value := range forward.SwitchFields(r) {
		h.Add(string(name), string(value))
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // net/http would guess one
	}
	s.writer.WriteHeader(http.StatusOK)
	if err := s.write(rest); err != nil {
		return err
	}
	return s.flush()
}

// relay carries bytes in both directions until both peers have ended their sides. Where
// net/http has the stream, the instance's end is the end of both: net/http cannot end one
// side.
func (s *stream) relay(u *upstream) {
	_ = u.conn.SetReadDeadline(noDeadline) // the reads report the error
	var up sync.WaitGroup
	up.Go(func() { // ends with the tunnel; waited for below
		if !s.pumpUp(u) {
			u.close()
		}
	})
	ended := s.pumpDown(u)
	if ended && s.loan != nil {
		s.loan.CloseWrite()
		up.Wait()
		return
	}
	s.broken = !ended
	s.stopReading()
	u.close()
	up.Wait()
}

// pumpUp carries bytes to the instance until the client ends its side. It reports whether
// the tunnel is intact.
func (s *stream) pumpUp(u *upstream) bool {
	b := getBuffer(largeSize)
	defer putBuffer(b)
	for {
		n, err := s.request.Body.Read(b)
		if n > 0 {
			s.exchange.uploaded(n)
			if _, err := u.outlet.write(b[:n], s.exchange.timeout); err != nil {
				s.exchange.tunnelEnded(u)
				return false
			}
		}
		if err != nil {
			closeWrite(u.conn)
			return errors.Is(err, io.EOF)
		}
	}
}

// pumpDown carries bytes to the client until the instance ends its side. It reports whether
// the tunnel is intact.
func (s *stream) pumpDown(u *upstream) bool {
	for {
		if b := u.intake.bytes(); len(b) > 0 {
			if s.write(b) != nil || s.flush() != nil {
				return false
			}
			s.exchange.lease.Carried(len(b))
			u.intake.skip(len(b))
			u.intake.shrink()
		}
		err := u.intake.read(u.conn)
		if err != nil {
			s.exchange.tunnelEnded(u)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			return true
		default:
			return false
		}
	}
}

// unswitched returns policy.ErrNoSwitch if a client of HTTP/2 has asked for another protocol,
// and r is a page instead. The instance is not to blame.
func (x *exchange) unswitched(r *http1.Response) error {
	if _, ok := x.client.(*stream); !ok || !x.marks.Upgrade.IsSet() || r.Status >= http.StatusMultipleChoices {
		return nil
	}
	x.halt(policy.ErrNoSwitch)
	return policy.ErrNoSwitch
}
