package fast

import (
	"bytes"
	"net/http"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/lent"
)

// loan is a request of HTTP/2 that the std lane carries, because it may block or because its
// instances speak HTTP/2. The client's connection stays here.
type loan struct {
	*lent.Stream
	worker  *worker
	stream  *stream      // nil: it is closed
	trailer []lent.Field // to be sent behind the content
	ended   bool         // no more content follows
}

// lend has the std lane carry the request whose head is text.
func (st *stream) lend(text []byte) {
	c := &st.client
	w := c.worker
	c.dropHead()
	l := &loan{worker: w, stream: st}
	l.Stream = lent.New(l.wake, bytes.HasPrefix(text, headMethod))
	st.loan = l
	c.enter(onLoan)
	w.loop.Begin()
	w.loans++
	if st.h2.Ended() {
		l.Feed(nil, true, nil)
	}
	w.engine.lend(l.Stream, bytes.Clone(text), forward.Peer{IP: c.ip, Scheme: c.scheme()}, c.address())
}

var headMethod = []byte("HEAD ")

// wake has Run be called. Any goroutine calls it.
func (l *loan) wake() { l.worker.loop.Post(l) }

// Run does what the std lane has for the client.
func (l *loan) Run() {
	work := l.Take()
	if work.Finished {
		l.worker.loop.End()
		l.worker.loans--
	}
	st := l.stream
	if st == nil {
		return
	}
	c := &st.client
	defer l.worker.rescue(c, nil, nil)
	if work.Read > 0 {
		st.session.conn.Taken(&st.h2, work.Read)
		st.session.later()
	}
	for i := range work.Heads {
		st.sendHead(&work.Heads[i])
	}
	if len(work.Content) > 0 {
		_ = c.Send(work.Content) // a channel has no error
	}
	if work.Ended {
		l.ended, l.trailer = true, work.Trailer
	}
	switch {
	case work.Broken:
		c.reset()
	case work.Finished && c.Waits():
		c.enter(lingering)
		c.Within(c.worker.engine.settings.Load().IdleTimeout)
	case work.Finished:
		st.finish()
	default:
		l.progress()
	}
}

// ready sends what waits for the client.
func (l *loan) ready() {
	_, _ = l.stream.client.Flush() // a channel has no error
	l.progress()
}

// progress has the std lane go on when the client has been sent everything.
func (l *loan) progress() {
	if st := l.stream; !st.client.Waits() {
		l.Sent()
		if l.ended {
			st.CloseWrite()
		}
	}
}

// feed passes content on.
func (l *loan) feed(payload []byte, end bool) {
	l.Feed(payload, end, l.stream.session.conn.Trailer())
}

// sendHead sends the head of a response.
func (st *stream) sendHead(head *lent.Head) {
	s := st.session
	final := head.Status >= http.StatusOK
	if final && s.worker.engine.ends() {
		s.leave()
	}
	s.conn.BeginHead(&st.h2, head.Status)
	dated := !final
	for _, f := range head.Fields {
		dated = dated || f.Name == "Date"
		s.conn.Add([]byte(f.Name), []byte(f.Value))
	}
	if !dated {
		s.conn.Add(dateName, s.worker.dateNow())
	}
	s.conn.EndHead()
	s.later()
}

// sendTrailer sends the trailer section of the response, once.
func (l *loan) sendTrailer() {
	if len(l.trailer) == 0 {
		return
	}
	s := l.stream.session
	s.conn.BeginHead(&l.stream.h2, 0)
	for _, f := range l.trailer {
		s.conn.Add([]byte(f.Name), []byte(f.Value))
	}
	s.conn.EndHead()
	l.trailer = nil
}

// end ends the loan: the stream is closed. The std lane may still work for it.
func (l *loan) end() {
	l.stream = nil
	l.Gone()
}

var _ eventloop.Task = (*loan)(nil)
