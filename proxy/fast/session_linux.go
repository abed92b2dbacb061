package fast

import (
	"slices"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/http2"
)

const (
	// maxStreams is how many requests a client may have open on one connection: as
	// net/http. A gRPC client opens another connection for more.
	maxStreams = 250
	// streamWindow is how much content of one request is kept while it waits, and
	// maxStreamWindow how much of it that its instance has not taken: an upload over a
	// path of 50 ms gets 5 MB/s.
	streamWindow, maxStreamWindow = 64 << 10, 256 << 10
	// sessionWindow is more than all requests of a connection may have, so that no one
	// holds up the content of another. Only a half of it is given back at a time.
	sessionWindow = 1 << 30
	// maxBlock is the size of a header block. What is larger than a request may be is
	// still read, so that the client gets an answer; net/http reads as much.
	maxBlock = 1 << 20
	// flushFrom is how much output is not left for the end of the turn.
	flushFrom = eventloop.ChunkSize
	// maxUnsent is how much output may wait for a client that goes on to send: answers
	// to its frames, and heads of responses.
	maxUnsent = 256 << 10
)

// session is what a client's connection becomes that speaks HTTP/2. Each of its streams
// is a client of its own to its request.
type session struct {
	worker  *worker
	client  *client // the connection
	conn    *http2.Conn
	blocked []*stream // content waits for the client to take it, in the order in which that began
	rousing []*stream // spare memory for rouse
	closed  []*stream // since the turn began
	leftAt  int64     // when the client was asked to leave; 0: it was not
	due     bool      // Run follows at the end of the turn
	emptied bool      // the last request has ended; see Run
	roused  bool      // the client takes more
	failed  bool      // writing has failed
}

// multiplex goes on with a connection that speaks HTTP/2 and has sent b.
func (c *client) multiplex(b []byte) {
	w := c.worker
	s := &session{worker: w, client: c}
	s.conn = http2.New(s, http2.Config{
		Streams: maxStreams, StreamWindow: streamWindow, MaxStreamWindow: maxStreamWindow, ConnWindow: sessionWindow,
		Block: max(maxBlock, w.engine.settings.Load().Limits.Head),
	})
	c.dropHead()
	c.session, c.began = s, 0
	c.enter(multiplexed)
	s.rest()
	s.later()
	if s.receive(b) {
		s.ready()
	}
}

// ready reads what the client has sent, and writes what waits for it.
func (s *session) ready() {
	c := s.client
	if c.Broken() || s.failed {
		s.client.close()
		return
	}
	if c.Waits() && !s.flushWaiting() {
		return
	}
	for range eventloop.MaxRounds {
		if c.Waiting() > maxUnsent {
			return
		}
		b, err := c.Receive()
		if err == eventloop.ErrAgain { //nolint:errorlint // it is the very value
			return
		}
		if err != nil {
			s.client.close()
			return
		}
		if !s.receive(b) {
			return
		}
	}
	c.Later()
}

// receive takes the frames in b, all that was received and not taken. It reports whether
// the session goes on. The frames are kept where they are while they are taken, because a
// request reads into the memory of the loop.
func (s *session) receive(b []byte) bool {
	c := s.client
	c.Keep(b)
	used, err := s.conn.Receive(c.Held(), s.worker.loop.Now())
	if c.session != s { // it was reset
		return false
	}
	if err != nil {
		s.fail(err.(*http2.Error)) //nolint:errorlint // Receive returns no other
		return false
	}
	c.Keep(c.Held()[used:])
	s.rouse()
	s.later()
	s.awaitRest()
	return c.session == s
}

// awaitRest bounds the time in which the first frames of a request must arrive.
func (s *session) awaitRest() {
	c := s.client
	switch {
	case s.conn.Streams() > 0:
		c.began = 0
	case c.Holds() || s.conn.InBlock():
		if c.began == 0 {
			c.wake()
			c.began = s.worker.loop.Now()
			c.awaitWithin(s.worker.engine.settings.Load().HeadTimeout)
		}
	case c.began != 0:
		s.rest()
	}
}

// rest notes that the client has no request under way.
func (s *session) rest() {
	c, w := s.client, s.worker
	c.began = 0
	if s.leftAt != 0 && w.loop.Now() >= s.leftAt+int64(drainGrace) {
		s.part()
		return
	}
	if s.leftAt != 0 {
		c.wake()
		c.Within(drainGrace)
		return
	}
	if !c.Waits() {
		c.awaitWithin(w.engine.settings.Load().IdleTimeout)
	}
	w.rest(c)
	if w.engine.group.Full() {
		w.engine.makeRoom(w.loop)
	}
}

// later has the output written at the end of the turn.
func (s *session) later() {
	if !s.due {
		s.due = true
		s.worker.loop.AtTurnEnd(s)
	}
}

// Run writes the output of the turn, and takes note of what must not change while the
// frames of the client are taken.
func (s *session) Run() {
	defer s.worker.rescue(s.client, nil, nil)
	s.due = false
	s.flush()
	for i, st := range s.closed {
		s.worker.dropStream(st)
		s.closed[i] = nil
	}
	s.closed = s.closed[:0]
	switch emptied := s.emptied; {
	case s.client.session != s:
	case s.failed:
		s.client.close()
	case emptied:
		s.emptied = false
		if s.conn.Streams() == 0 {
			s.rest()
		}
	}
}

// flush writes the output so far.
func (s *session) flush() {
	b := s.conn.TakeOutput()
	if b == nil {
		return
	}
	c := s.client
	if c.session == s && !s.failed {
		s.failed = c.Send(b) != nil
		if c.Waits() && !c.Stalling() {
			c.Stall(s.worker.engine.settings.Load().IdleTimeout)
		}
	}
	s.worker.loop.Buffers().Put(b)
}

// flushWaiting writes the bytes that wait. It reports whether the session goes on.
func (s *session) flushWaiting() bool {
	c := s.client
	n, err := c.Flush()
	switch {
	case err != nil:
		s.client.close()
		return false
	case !c.Waits():
		c.Progressed()
		if s.conn.Streams() == 0 {
			s.rest()
		}
		s.roused = true
		s.rouse()
	case n > 0:
		c.Stall(s.worker.engine.settings.Load().IdleTimeout)
	}
	return c.session == s
}

// rouse has the streams go on that waited for the client, the most urgent ones first.
func (s *session) rouse() {
	if !s.roused {
		return
	}
	s.roused = false
	list := s.rousing[:0]
	list = append(list, s.blocked...)
	clear(s.blocked)
	s.blocked = s.blocked[:0]
	slices.SortStableFunc(list, func(a, b *stream) int { return int(a.h2.Urgency) - int(b.h2.Urgency) })
	for i, st := range list {
		list[i] = nil
		st.blocked = false
		switch {
		case !st.h2.IsOpen():
		case s.client.Waits() || s.failed:
			st.block()
		default:
			st.client.Ready()
		}
	}
	s.rousing = list[:0]
}

// expired acts on the deadline of the connection.
func (s *session) expired() {
	c := s.client
	switch {
	case c.Waits() && c.TookNothing():
		s.client.close()
	case c.Waits():
		c.Stall(s.worker.engine.settings.Load().IdleTimeout)
	case s.conn.Streams() > 0:
	case s.leftAt == 0 && c.began == 0:
		s.drain()
	default:
		s.part()
	}
}

// fail ends the connection because of an error that the client made.
func (s *session) fail(e *http2.Error) {
	s.worker.engine.violations.Log(s.worker.engine.log, &http1.Error{Status: 400, Reason: e.Error()}, s.client.address())
	s.part()
}

// Room returns b with room for n more bytes.
func (s *session) Room(b []byte, n int) []byte {
	s.later()
	buffers := s.worker.loop.Buffers()
	larger := append(buffers.Get(max(len(b)+n, 2*cap(b))), b...)
	if b != nil {
		buffers.Put(b)
	}
	return larger
}

// Closed ends the request of a stream that the client has closed.
func (s *session) Closed(h2 *http2.Stream, _ http2.Code) { h2.Owner.(*stream).abandon() }

// Writable has the streams roused that wait for the client.
func (s *session) Writable(*http2.Stream) { s.roused = true }
