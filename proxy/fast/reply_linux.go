package fast

import (
	"bytes"
	"net/http"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// respond sends the head of a final response, with altSvc as Alt-Svc unless it is empty.
func (st *stream) respond(head *http1.Response, altSvc string) {
	s := st.session
	if s.worker.engine.ends() {
		s.leave()
	}
	s.conn.BeginHead(&st.h2, head.Status)
	dated := false
	for name, value := range forward.Fields(head) {
		dated = dated || len(name) == len(dateName) && bytes.EqualFold(name, dateName)
		s.conn.Add(name, value)
	}
	if !dated {
		s.conn.Add(dateName, s.worker.dateNow())
	}
	if altSvc != "" && !forward.HasAltSvc(head) {
		s.conn.Add(altSvcName, append(s.worker.out[:0], altSvc...))
	}
	s.conn.EndHead()
	s.later()
}

var dateName, altSvcName = []byte("date"), []byte("alt-svc")

// switchTo sends the head of the 200 that is to a client of HTTP/2 what a 101 is in HTTP/1.1
// (RFC 8441, 5).
func (st *stream) switchTo(head *http1.Response) {
	s := st.session
	s.conn.BeginHead(&st.h2, http.StatusOK)
	for name, value := range forward.SwitchFields(head) {
		s.conn.Add(name, value)
	}
	s.conn.EndHead()
	s.later()
}

// inform sends an informational response.
func (st *stream) inform(head *http1.Response) {
	s := st.session
	s.conn.BeginHead(&st.h2, head.Status)
	for name, value := range forward.Fields(head) {
		s.conn.Add(name, value)
	}
	s.conn.EndHead()
	s.later()
}

// proceed asks the client for its content.
func (st *stream) proceed() {
	s := st.session
	s.conn.BeginHead(&st.h2, http.StatusContinue)
	s.conn.EndHead()
	s.later()
}

// end ends a request that was answered. trailer is the trailer section of the response,
// as the instance sent it.
func (st *stream) end(r *request, trailer []byte) {
	if forward.HasTrailer(trailer) {
		st.sendTrailer(trailer)
	}
	if r != nil {
		r.conclude()
	}
	c := &st.client
	if !c.Waits() {
		st.finish()
		return
	}
	c.enter(lingering)
	c.Within(c.worker.engine.settings.Load().IdleTimeout)
}

// sendTrailer sends the fields of a trailer section that pass.
func (st *stream) sendTrailer(section []byte) {
	s, began := st.session, false
	for name, value := range forward.Trailers(section) {
		if !began {
			began = true
			s.conn.BeginHead(&st.h2, 0)
		}
		s.conn.Add(name, value)
	}
	if began {
		s.conn.EndHead()
	}
}

// finish ends the response, and closes the stream.
func (st *stream) finish() {
	st.CloseWrite()
	st.client.close()
}

// linger waits until the client has taken the last bytes of its response.
func (st *stream) linger() {
	c := &st.client
	if _, err := c.Flush(); err == nil && c.Waits() {
		return
	}
	st.finish()
}

// sendWhole sends b, a whole response of HTTP/1.1, to a request that is a HEAD or not.
func (st *stream) sendWhole(b []byte, toHead bool) {
	w := st.session.worker
	head := w.responseHead()
	head.Reset(toHead, false)
	n, err := head.Parse(b)
	if err != nil || n == 0 {
		w.dropResponseHead(head)
		st.client.reset()
		return
	}
	st.respond(head, "")
	w.dropResponseHead(head)
	_ = st.client.Send(b[n:]) // a channel has no error
}

// turnAway answers a request that is malformed. text is its head.
func (st *stream) turnAway(e *http1.Error, text []byte) {
	c := &st.client
	w := c.worker
	c.dropHead()
	w.engine.violations.Log(w.engine.log, e, c.address())
	toHead := bytes.HasPrefix(text, []byte("HEAD "))
	f := policy.ViolationFault(e)
	w.refused = outcome.Outcome{Code: e.Status, Source: outcome.Client, Client: c.ip, BytesOut: f.Length(toHead)}
	w.engine.record(&w.refused)
	st.sendWhole(f.Append(w.out[:0], toHead, false), toHead)
	if c.Loop() != nil {
		st.end(nil, nil)
	}
}
