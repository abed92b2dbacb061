package std

import (
	"bytes"
	"net/http"
	"runtime/debug"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/lent"
)

// Carry carries a request of HTTP/2 whose connection another lane has. head is its head as
// one of HTTP/1.1, from is its client, at an address with a port. Carry does not block.
func (l *Lane) Carry(loan *lent.Stream, head []byte, from forward.Peer, address string) {
	method, _, _ := bytes.Cut(head, []byte(" "))
	ctx, cancel := l.loan()
	loan.Bind(cancel)
	r := &http.Request{Method: string(method), Body: loan, RemoteAddr: address}
	s := &stream{
		lane: l, rules: l.rules(), writer: loan, request: r.WithContext(ctx), peer: from, loan: loan,
		control: http.NewResponseController(loan),
	}
	s.exchange.init(l, s)
	l.clock.enter()
	l.running.add()
	go func() { // ends with the request; Shutdown waits for it
		defer l.running.end()
		defer l.clock.leave()
		defer cancel()
		defer s.finish()
		defer s.rescue()
		s.serve(head)
	}()
}

// finish gives a stream back that another lane has lent. It is deferred, and keeps a panic
// from ending the process.
func (s *stream) finish() {
	if cause := recover(); cause != nil {
		s.lane.options.Log.Error("stream panicked", "panic", cause, "stack", string(debug.Stack()))
		s.broken = true
	}
	s.loan.Finish(s.broken)
}
