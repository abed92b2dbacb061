package std

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/lent"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// stream is a request of HTTP/2, which net/http has read or another lane has lent, or of
// HTTP/3, which belongs to a Session.
type stream struct {
	lane      *Lane
	rules     rules
	writer    http.ResponseWriter
	request   *http.Request
	peer      forward.Peer
	conn      *member      // that the request came on; nil: another lane has it
	session   *Session     // of HTTP/3; nil: the request is one of HTTP/2
	loan      *lent.Stream // that another lane has lent; nil: none has
	control   *http.ResponseController
	exchange  exchange
	buffer    []byte // for read
	left      int64  // bytes of content that are still to come; negative: unknown
	stopReads atomic.Bool
	ahead     chan piece // of a read that goes on; nil: there is none
	flushed   bool       // flush was called
	broken    bool       // the response is incomplete

	mu      sync.Mutex // guards all below
	reading bool
	within  limit       // of the read under way
	timer   *time.Timer // calls readLate
	late    bool        // the read took too long
}

// serveStream carries one request of HTTP/2.
func (l *Lane) serveStream(w http.ResponseWriter, r *http.Request) {
	l.running.add()
	defer l.running.end()
	s := &stream{lane: l, rules: l.rules(), writer: w, request: r, control: http.NewResponseController(w)}
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		s.conn, s.peer = &c.member, c.peer
	}
	s.carry()
}

// carry carries the request. It panics with http.ErrAbortHandler if the stream must be
// broken off.
func (s *stream) carry() {
	s.exchange.init(s.lane, s)
	defer s.rescue()
	if err := s.findContent(); err != nil {
		s.turnAway(err)
		return
	}
	head := appendHead(getBuffer(smallSize)[:0], s.request)
	defer func() { putBuffer(head[:cap(head)]) }()
	s.serve(head)
	if s.broken {
		panic(http.ErrAbortHandler)
	}
}

// rescue ends the exchange after a panic, which goes on to the caller. It is deferred.
func (s *stream) rescue() {
	if s.exchange.active {
		s.exchange.abandon()
	}
	if s.ahead != nil {
		s.stopReading()
		<-s.ahead
	}
	putBuffer(s.buffer)
}

// serve parses the head of the request, written as one of HTTP/1.1, so that the rules for
// HTTP/1.1 hold for these too: for the target, the host, the fields and their number.
// What concerns HTTP/2 or HTTP/3 only was checked before.
func (s *stream) serve(head []byte) {
	r := s.rules.requests.Get().(*http1.Request)
	defer s.rules.requests.Put(r)
	defer r.Reset() // runs before Put
	n, err := r.Parse(head)
	if err == nil && n != len(head) {
		err = errLineEnd
	}
	if violation, ok := errors.AsType[*http1.Error](err); ok {
		s.turnAway(violation)
		return
	}
	peer := s.peer
	if s.lane.isStatus(r) {
		s.serveStatus(r, peer.IP)
		return
	}
	peer.Trusted = s.rules.Trusts(peer.IP)
	s.left = -1
	if r.Framing == http1.Sized {
		s.left = r.Length
	}
	err = s.exchange.begin(r, n, peer, s.rules)
	if s.conn != nil {
		granted, leave := s.lane.streamPlace(s.conn)
		defer leave()
		if err == nil && !granted {
			err = policy.ErrStreams
		}
	}
	defer context.AfterFunc(s.request.Context(), func() {
		if !s.lane.cutting.Load() || !s.exchange.cut() {
			s.exchange.halt(context.Canceled)
		}
	})()
	s.exchange.run(err)
}

// turnAway answers a request that is malformed. Nothing of it was forwarded.
func (s *stream) turnAway(e *http1.Error) {
	s.exchange.outcome = outcome.Outcome{}
	s.lane.turnedAway(&s.exchange.outcome, e, s.request.RemoteAddr, s.request.Method == http.MethodHead).Write(s.writer)
}

// watch does nothing: the context of the request halts the exchange.
func (s *stream) watch(*exchange) {}

func (s *stream) unwatch() {}

// proceeds reports whether net/http asks clients for their content, at the first read.
func (s *stream) proceeds() bool { return s.loan == nil && s.session == nil }

// proceed asks the client for its content.
func (s *stream) proceed() error {
	if !s.proceeds() {
		s.writer.WriteHeader(http.StatusContinue)
	}
	return nil
}

// inform sends an informational response, but no 100 (Continue) where net/http sends it.
func (s *stream) inform(r *http1.Response) error {
	if r.Status == http.StatusContinue && s.proceeds() {
		return nil
	}
	h := s.writer.Header()
	for name, value := range forward.Fields(r) {
		h.Add(string(name), string(value))
	}
	s.writer.WriteHeader(r.Status)
	clear(h)
	return nil
}

// respond sends the head of a final response.
func (s *stream) respond(r *http1.Response, _ bool) {
	h := s.writer.Header()
	for name, value := range forward.Fields(r) {
		h.Add(string(name), string(value))
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = nil // net/http would guess one
	}
	if alt := s.rules.altSvc(&s.peer); alt != "" && s.session == nil && h["Alt-Svc"] == nil {
		h.Set("Alt-Svc", alt)
	}
	s.endConnection()
	s.writer.WriteHeader(r.Status)
}

// endConnection asks the client to leave with the response if the lane will shut down.
// net/http sends a GOAWAY then, and no Connection field to a client of HTTP/2. Shutdown
// sends its own GOAWAY.
func (s *stream) endConnection() {
	switch {
	case !s.lane.leaving.Load():
	case s.session != nil:
		s.session.Leave()
	default:
		s.writer.Header().Set("Connection", "close")
	}
}

// write sends payload.
func (s *stream) write(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	return s.limited(func() error {
		_, err := s.writer.Write(payload)
		return err
	})
}

// end ends the content. If nothing was flushed before, the whole response is sent when the
// handler returns. The server of HTTP/3 would add a Content-Length of 0 to one without
// content.
func (s *stream) end(trailer []byte) error {
	for name, value := range forward.Trailers(trailer) {
		s.writer.Header().Add(http.TrailerPrefix+string(name), string(value))
	}
	if s.flushed || s.session != nil && s.exchange.toHead {
		if err := s.flush(); err != nil || s.session == nil {
			return err
		}
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(s.rules.IdleTimeout)) // an error means that there is no limit
	return nil
}

// flush sends the bytes in the buffers of net/http.
func (s *stream) flush() error {
	s.flushed = true
	return s.limited(s.control.Flush)
}

// limited calls do with a limit to its time. A client that takes nothing of one stream
// may be alive on the others, so that its connection does not show it. Between the calls
// there is no limit: the instance may be silent.
func (s *stream) limited(do func() error) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.rules.IdleTimeout)) // an error means that there is no limit
	err := do()
	_ = s.control.SetWriteDeadline(noDeadline)
	return err
}

// refuse answers with a fault.
func (s *stream) refuse(f policy.Fault, _ bool) {
	s.endConnection()
	f.Write(s.writer)
}

// breakOff ends a response so that the client sees that it is incomplete.
func (s *stream) breakOff(gone bool) {
	if !gone {
		_ = s.flush() // what net/http has in its buffers
	}
	s.broken = true
}
