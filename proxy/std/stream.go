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
	"github.com/dynlb/dynlb/proxy/policy"
)

// stream is a request of HTTP/2, as net/http has read it.
type stream struct {
	lane      *Lane
	rules     rules
	writer    http.ResponseWriter
	request   *http.Request
	control   *http.ResponseController
	exchange  exchange
	buffer    []byte // of read
	left      int64  // of the content; negative when its length is not known
	stopReads atomic.Bool
	flushed   bool // some of the response was
	broken    bool // the response is not whole

	mu      sync.Mutex // guards all below
	reading bool
	within  limit       // of the read
	timer   *time.Timer // calls readLate
	late    bool        // the read took too long
}

// serveStream carries one request of HTTP/2.
func (l *Lane) serveStream(w http.ResponseWriter, r *http.Request) {
	l.running.add()
	defer l.running.end()
	s := &stream{lane: l, rules: l.rules(), writer: w, request: r, control: http.NewResponseController(w)}
	s.exchange.init(l, s)
	defer s.rescue()
	s.serve()
	if s.broken {
		panic(http.ErrAbortHandler) // how net/http is told to break the stream off
	}
}

// rescue, deferred, ends what the exchange has begun when a panic goes by.
func (s *stream) rescue() {
	if s.exchange.active {
		s.exchange.abandon()
	}
	putBuffer(s.buffer)
}

// serve reads the request as if it had come in HTTP/1.1, so that what counts there
// counts here: what its target, host and fields may be, and how many there may be.
// What matters to HTTP/2 only net/http has checked.
func (s *stream) serve() {
	head := appendHead(getBuffer(smallSize)[:0], s.request)
	defer func() { putBuffer(head[:cap(head)]) }()
	r := s.rules.requests.Get().(*http1.Request)
	defer s.rules.requests.Put(r)
	defer r.Reset() // first
	n, err := r.Parse(head)
	if err == nil && n != len(head) {
		err = errSplit
	}
	if violation, ok := errors.AsType[*http1.Error](err); ok {
		s.turnAway(violation)
		return
	}
	if s.lane.isStatus(r) {
		s.lane.answerStatus(s.writer, s.request)
		return
	}
	peer, _ := s.request.Context().Value(peerKey{}).(forward.Peer)
	peer.Trusted = s.rules.Trusts(peer.IP)
	s.left = -1
	if r.Framing == http1.Sized {
		s.left = r.Length
	}
	err = s.exchange.begin(r, n, peer, s.rules)
	defer context.AfterFunc(s.request.Context(), func() { s.exchange.halt(context.Canceled) })()
	s.exchange.run(err)
}

// turnAway answers a request of which nothing was forwarded, and will not be.
func (s *stream) turnAway(e *http1.Error) {
	s.lane.turnedAway(&s.exchange.outcome, e, s.request.RemoteAddr, 0)
	policy.Refusal(e).Write(s.writer)
}

// watch does nothing: the context of the request ends when the client is gone.
func (s *stream) watch(*exchange) {}

func (s *stream) unwatch() {}

// proceed does nothing: net/http asks for the content when it is read.
func (s *stream) proceed() error { return nil }

// inform sends an informational response, unless net/http does.
func (s *stream) inform(r *http1.Response) error {
	if r.Status == http.StatusContinue {
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
	s.writer.WriteHeader(r.Status)
}

// write sends some of the content.
func (s *stream) write(payload []byte) error {
	if len(payload) == 0 {
		return nil
	}
	return s.limited(func() error {
		_, err := s.writer.Write(payload)
		return err
	})
}

// end ends the content. What net/http holds back goes out with the end, when the
// request has been served.
func (s *stream) end(trailer []byte) error {
	for name, value := range forward.Trailers(trailer) {
		s.writer.Header().Add(http.TrailerPrefix+string(name), string(value))
	}
	if s.flushed {
		return s.flush()
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(s.rules.IdleTimeout)) // if it cannot, there is none
	return nil
}

// flush sends what was held back.
func (s *stream) flush() error {
	s.flushed = true
	return s.limited(s.control.Flush)
}

// limited calls do with a limit to its time: a client that takes nothing of one stream
// of HTTP/2 may be alive on the others. In between there is no limit: there may be
// nothing to write for long.
func (s *stream) limited(do func() error) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(s.rules.IdleTimeout)) // if it cannot, there is none
	err := do()
	_ = s.control.SetWriteDeadline(noDeadline)
	return err
}

// refuse answers with a fault.
func (s *stream) refuse(f policy.Fault, _ bool) { f.Write(s.writer) }

// breakOff ends a response so that the client sees that it is not whole.
func (s *stream) breakOff(gone bool) {
	if !gone {
		_ = s.flush() // what there is
	}
	s.broken = true
}
