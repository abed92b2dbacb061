package fast

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// page is the answer of Options.Status to a stream.
type page struct {
	stream  *stream
	session *session
	id      uint32
	toHead  bool
	text    []byte

	call  *edge.StatusCall
	began int64
}

// serveStatus answers a request for the status path. What answers it may take locks, so
// the loop does not wait for it.
func (st *stream) serveStatus(head *http1.Request) {
	c := &st.client
	w := c.worker
	path, from := forward.Path(head), edge.Peer{IP: c.ip, HTTP2: true, Status: true, Settings: w.engine.settings.Load()}
	p := &page{
		stream: st, session: st.session, id: st.h2.ID(), toHead: string(head.Method) == http.MethodHead,
		call: edge.NewStatusCall(head, path, from), began: w.loop.Now(),
	}
	if app := w.engine.router.Route(head.Host, path).App; app != nil {
		if err := app.Settings().Edge.Guard(head, from, app.Edge()); err != nil {
			p.refuse(policy.FaultOf(err, ""))
			return
		}
	}
	method, target, host, peer := string(head.Method), string(head.Path), string(head.Host), c.address()
	c.dropHead()
	w.loop.Begin()
	go func() { // ends when the page is written; a drain waits for it
		p.text = w.engine.status(method, target, host, peer)
		w.loop.Post(p)
	}()
}

// Run sends the page.
func (p *page) Run() {
	st := p.stream
	w := p.session.worker
	w.loop.End()
	code, content := p.response()
	p.record(code, content)
	if st.session != p.session || st.h2.ID() != p.id || !st.h2.IsOpen() {
		return
	}
	defer w.rescue(&st.client, nil, nil)
	st.sendWhole(p.text, p.toHead)
	if st.client.Loop() != nil {
		st.end(nil, nil)
	}
}

// refuse answers a request that may not pass.
func (p *page) refuse(f policy.Fault) {
	c := &p.stream.client
	p.record(f.Code, f.Length(p.toHead))
	c.dropHead()
	p.stream.sendWhole(f.Append(c.worker.out[:0], p.toHead, false), p.toHead)
	if c.Loop() != nil {
		p.stream.end(nil, nil)
	}
}

// headEnd is the end of the head of a page.
var headEnd = []byte("\r\n\r\n")

// response returns the status of the page, and how much content it has.
func (p *page) response() (code int, content int64) {
	const line = len("HTTP/1.1 ") // of the page, which dynlb itself has written
	code, _ = strconv.Atoi(string(p.text[line : line+3]))
	return code, int64(len(p.text) - bytes.Index(p.text, headEnd) - len(headEnd))
}

// record reports how the request was answered.
func (p *page) record(code int, content int64) {
	w := p.session.worker
	p.call.End(w.engine.record, code, content, w.since(p.began))
}

var _ eventloop.Task = (*page)(nil)
