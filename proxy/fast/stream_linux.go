package fast

import (
	"slices"
	"syscall"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/http2"
)

// stream is a request of HTTP/2. To the request it is a client whose connection is a
// channel: the content that arrives is read from it as content of HTTP/1.1, and what is
// written to it is the content of the response.
type stream struct {
	client  client
	h2      http2.Stream
	session *session
	loan    *loan             // the std lane carries the request; nil: it does not
	fed     eventloop.Backlog // content that was not read
	unpaid  int               // how much of it the client does not know to be read
	chunked bool              // the content is read in chunks
	blocked bool              // it is in session.blocked
	beyond  bool              // it is not the only one of its connection
	crowded bool              // there are too many
}

// newStream returns a stream of a session.
func (w *worker) newStream(s *session) *stream {
	var st *stream
	if last := len(w.streams) - 1; last >= 0 {
		st = w.streams[last]
		w.streams = w.streams[:last]
	} else {
		st = new(stream)
	}
	st.session, st.h2.Owner = s, st
	st.client.worker, st.client.stream = w, st
	st.client.ip, st.client.network, st.client.port = s.client.ip, s.client.network, s.client.port
	return st
}

// dropStream takes back a stream that is closed. No event of this turn concerns it any
// more.
func (w *worker) dropStream(st *stream) {
	*st = stream{}
	if len(w.streams) < maxSpare {
		w.streams = append(w.streams, st)
	}
}

// Open returns a stream.
func (s *session) Open() *http2.Stream { return &s.worker.newStream(s).h2 }

// Request begins a request.
func (s *session) Request(h2 *http2.Stream, text []byte) {
	w, st := s.worker, h2.Owner.(*stream)
	c := &st.client
	s.client.wake()
	s.client.used, s.client.began = true, 0
	if !s.client.Waits() {
		s.client.ClearDeadline()
	}
	w.loop.AddChannel(&c.Conn, st, c)
	st.count()
	defer w.rescue(c, nil, nil)
	if s.late() {
		s.conn.Reset(h2, http2.RefusedStream)
		c.close()
		return
	}
	c.head = w.requestHead()
	n, err := c.head.Parse(text)
	switch {
	case err != nil:
		st.turnAway(err.(*http1.Error), text) //nolint:errorlint // Parse returns no other
	case n != len(text):
		st.turnAway(errLineEnd, text)
	case w.engine.lend != nil && w.engine.isStatus(c.head):
		st.lend(text)
	default:
		st.chunked = c.head.Framing == http1.Chunked
		c.used = true
		c.enter(exchanging)
		if !w.newRequest(c).start(c.head, n, nil) {
			st.lend(text)
		}
	}
}

// errLineEnd reports that a field of a request contains a line end.
var errLineEnd = &http1.Error{Status: 400, Reason: "line end in a header field"}

// count counts a request that begins. Each needs a connection to an instance, for which
// the limit of open files has room as for the connections of clients: the requests beyond
// the first of each connection take the places that clients leave free.
func (st *stream) count() {
	e := st.session.worker.engine
	if st.session.conn.Streams() == 1 {
		return
	}
	st.beyond = true
	n := e.beyond.Add(1)
	limit := e.settings.Load().MaxStreams
	st.crowded = limit > 0 && int(n)+e.Open() > limit
}

// Content takes content from the client.
func (s *session) Content(h2 *http2.Stream, payload []byte) {
	st := h2.Owner.(*stream)
	c := &st.client
	if c.state == onLoan {
		st.loan.feed(payload, h2.Ended())
		return
	}
	if c.state != exchanging && c.state != clientTunnelled {
		s.conn.Taken(h2, len(payload)) // it is not wanted any more
		return
	}
	buffers := s.worker.loop.Buffers()
	st.unpaid += len(payload)
	if st.chunked {
		out := s.worker.out[:0]
		st.fed.Append(buffers, forward.AppendContent(out, payload, true, h2.Ended()))
	} else {
		st.fed.Append(buffers, payload)
	}
	c.AssumeReadable()
	if h2.Ended() && c.state == clientTunnelled {
		c.NoteEnd()
	}
	c.Ready()
}

// Read reads content.
func (st *stream) Read(p []byte) (int, syscall.Errno) {
	n := st.fed.Take(st.session.worker.loop.Buffers(), p)
	if n == 0 {
		if st.client.state == clientTunnelled && st.h2.Ended() {
			return 0, 0
		}
		return 0, syscall.EAGAIN
	}
	taken := min(n, st.unpaid) // of chunks, what frames them counts as content that follows
	st.unpaid -= taken
	st.session.conn.Taken(&st.h2, taken)
	st.session.later()
	return n, 0
}

// Write writes content.
func (st *stream) Write(b []byte) (int, syscall.Errno) {
	s := st.session
	if s.failed || s.client.Waits() {
		st.block()
		return 0, syscall.EAGAIN
	}
	n := s.conn.Write(&st.h2, b)
	if n < len(b) {
		st.block()
	}
	if len(s.conn.Output()) >= flushFrom {
		s.flush()
	}
	s.later()
	if n == 0 {
		return 0, syscall.EAGAIN
	}
	return n, 0
}

// block notes that content waits for the client.
func (st *stream) block() {
	if !st.blocked {
		st.blocked = true
		st.session.blocked = append(st.session.blocked, st)
	}
}

// CloseWrite ends the response.
func (st *stream) CloseWrite() {
	if st.h2.IsOpen() && !st.h2.Finished() {
		if st.loan != nil {
			st.loan.sendTrailer()
		}
		st.session.conn.End(&st.h2)
		st.session.later()
	}
}

// Close closes the stream, after the connection of its client.
func (st *stream) Close(reset bool) {
	s := st.session
	code := http2.Cancel
	switch {
	case st.h2.Finished(): // RFC 9113, 8.1: the rest of the request is not needed
		code = http2.NoError
	case reset:
		code = http2.InternalError
	}
	s.conn.Reset(&st.h2, code)
	st.fed.Release(s.worker.loop.Buffers())
	if st.blocked {
		st.blocked = false
		i := slices.Index(s.blocked, st)
		s.blocked = slices.Delete(s.blocked, i, i+1)
	}
	if st.loan != nil {
		st.loan.end()
	}
	if st.beyond {
		s.worker.engine.beyond.Add(-1)
	}
	s.closed = append(s.closed, st)
	s.later()
	s.emptied = s.emptied || s.conn.Streams() == 0
}

// abandon ends the stream in any state.
func (st *stream) abandon() { st.client.abandon() }

// cut ends what is under way on the stream: the time for draining is over.
func (st *stream) cut() { st.client.cut() }
