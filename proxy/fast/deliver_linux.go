package fast

import (
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
)

// inlineSize is up to which size payload is copied next to its head: that costs
// less than giving the kernel a second piece.
const inlineSize = 4 << 10

const (
	// spliceFrom is how many bytes of content must be left for a pipe to be used: two
	// descriptors, and two calls more.
	spliceFrom = 32 << 10
	// withHead is how much is read together with the head of a response: a response of
	// 16 KiB as a whole, and little of content that goes through a pipe.
	withHead = 17 << 10
)

// What goes after a chunk, and after the last one.
var (
	chunkEnd     = []byte(http1.ChunkEnd)
	lastChunkEnd = []byte(http1.ChunkEnd + http1.LastChunk)
)

// passContent passes on the content in b.
func (s *response) passContent(b []byte) {
	payload, used, err := forward.Decode(&s.body, b, &s.trailer)
	if err != nil {
		s.request.instanceBrokeOff(err)
		return
	}
	if used < len(b) {
		s.surplus()
	}
	s.request.lease.Progressed()
	if s.deliver(s.request.worker.out[:0], payload) {
		s.request.upstream.Keep(nil)
	}
}

// deliver sends the client head and payload. It reports whether the client is still
// connected.
func (s *response) deliver(head, payload []byte) bool {
	done, chunked := s.body.Done(), s.delivery.Chunked
	s.request.outcome.BytesOut += int64(len(payload))
	if s.stream {
		s.request.lease.Carried(len(payload))
	}
	if done {
		s.ended()
	}
	last := done && !forward.HasTrailer(s.trailer)
	if last && s.delivery.Last {
		s.request.client.NextIsLast()
	}
	switch {
	case len(payload) <= inlineSize:
		head = forward.AppendContent(head, payload, chunked, last)
		if len(head) > 0 && !s.toClient(head) {
			return false
		}
	case chunked:
		end := chunkEnd
		if last {
			end = lastChunkEnd
		}
		if !s.toClient(http1.AppendChunkSize(head, len(payload)), payload, end) {
			return false
		}
	case len(head) > 0:
		return s.toClient(head, payload)
	default:
		return s.toClient(payload)
	}
	if chunked && done && !last {
		return s.toClient(forward.AppendTrailer(s.request.worker.out[:0], s.trailer))
	}
	return true
}

// toClient sends pieces to the client. It reports whether the client is still
// connected.
func (s *response) toClient(pieces ...[]byte) bool {
	c := s.request.client
	if err := c.Send(pieces...); err != nil {
		s.request.clientGone()
		return false
	}
	if c.Waits() {
		s.stall()
	}
	return true
}

// flush writes the bytes that wait for the client. It reports whether all were
// written.
func (s *response) flush() (bool, error) {
	c := s.request.client
	if !c.Waits() {
		return true, nil
	}
	n, err := c.Flush()
	switch {
	case !c.Waits():
		s.endStall()
	case n > 0:
		s.stall()
	}
	return !c.Waits(), err
}

// undelivered reports whether bytes wait for the client.
func (s *response) undelivered() bool {
	return s.request.client.Waits() || s.pipe != nil && s.pipe.Len() > 0
}

// usesPipe reports whether the rest of the content goes through a pipe: its length
// is known, and it is long.
func (s *response) usesPipe() bool {
	if s.pipe == nil && !s.delivery.Chunked && s.request.client.splices() && s.body.Rest() >= spliceFrom && !s.request.upstream.Holds() {
		s.pipe = s.request.worker.loop.NewPipe()
	}
	return s.pipe != nil
}

// splices reports whether content may go to the client through a pipe.
func (c *client) splices() bool { return c.stream == nil && !c.IsSecure() }

// splice moves content from the instance into the empty pipe. It reports whether
// there may be more.
func (s *response) splice() bool {
	u := s.request.upstream
	n, err := s.pipe.Fill(&u.Conn, s.body.Rest())
	if err == eventloop.ErrAgain { //nolint:errorlint // it is the very value
		return false
	}
	if err != nil {
		s.instanceEnded(err)
		return false
	}
	s.request.lease.Progressed()
	s.request.outcome.BytesOut += int64(n)
	s.body.Move(int64(n))
	if s.body.Done() {
		s.ended()
		if u.Socket().Quiet() { // no short read has shown that there is no more
			u.AssumeQuiet()
		}
	}
	return true
}

// drainPipe passes on the bytes in the pipe. It reports whether the pipe is empty.
func (s *response) drainPipe() (bool, error) {
	c := s.request.client
	before := s.pipe.Len()
	n, err := s.pipe.Drain(&c.Conn)
	if err != nil {
		return false, err
	}
	if s.pipe.Len() > 0 {
		if n > 0 || !c.Stalling() {
			s.stall()
		}
		return false, nil
	}
	if before > 0 {
		s.endStall()
	}
	return true, nil
}

// dropPipe gives the pipe back.
func (s *response) dropPipe() {
	if s.pipe != nil {
		s.request.worker.loop.DropPipe(s.pipe)
		s.pipe = nil
	}
}
