package fast

import (
	"github.com/dynlb/dynlb/proxy/http2"
	"github.com/dynlb/dynlb/proxy/policy"
)

// drainGrace is how long a client may send requests after it was asked to leave: they
// may be on their way.
const drainGrace = policy.DrainGrace

// leave asks the client to leave, once. Its requests are carried.
func (s *session) leave() {
	if s.leftAt == 0 {
		s.leftAt = s.worker.loop.Now()
		s.conn.Leave()
		s.later()
	}
}

// late reports whether a request begins too long after the client was asked to leave. The
// client sends it again on another connection.
func (s *session) late() bool {
	return s.leftAt != 0 && s.worker.loop.Now() >= s.leftAt+int64(drainGrace)
}

// drain has the client leave: the engine shuts down.
func (s *session) drain() {
	s.leave()
	if s.conn.Streams() == 0 {
		s.rest()
	}
}

// part closes the connection. The client learns which requests were not carried.
func (s *session) part() {
	c := s.client
	s.each((*stream).abandon)
	s.conn.Stop()
	s.flush()
	c.session = nil
	if s.failed {
		c.close()
		return
	}
	c.end()
}

// cut ends the requests: the time for draining is over. The std lane ends those that were
// lent to it, and their clients may get a response.
func (s *session) cut() {
	lent := false
	s.each(func(st *stream) {
		lent = lent || st.client.state == onLoan
		st.cut()
	})
	if !lent {
		s.part()
	}
}

// quit ends the requests of a connection that is being closed.
func (s *session) quit() {
	s.failed = true
	s.each((*stream).abandon)
}

// each calls do for each stream, which do may close.
func (s *session) each(do func(*stream)) {
	s.conn.Each(func(h2 *http2.Stream) { do(h2.Owner.(*stream)) })
}
