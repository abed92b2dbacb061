package fast

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// page is the answer of Options.Status to a stream.
type page struct {
	stream  *stream
	session *session
	id      uint32
	toHead  bool
	text    []byte

	outcome outcome.Outcome // recorded if edge is not nil
	edge    *edge.Exchange  // describes the request; nil: it is not recorded
	began   int64
}

// serveStatus answers a request for the status path. What answers it may take locks, so
// the loop does not wait for it.
func (st *stream) serveStatus(head *http1.Request) {
	c := &st.client
	w := c.worker
	p := &page{stream: st, session: st.session, id: st.h2.ID(), toHead: string(head.Method) == http.MethodHead, began: w.loop.Now()}
	if st.refuses(head) {
		return
	}
	method, target, host, peer := string(head.Method), string(head.Path), string(head.Host), c.address()
	if s := w.engine.settings.Load(); s.Describe {
		p.outcome = outcome.Outcome{Method: []byte(method), Route: bytes.Clone(forward.Path(head)), Client: c.ip, Status: true}
		p.edge, _ = edge.Describing.Begin(head, edge.Peer{IP: c.ip, HTTP2: true, Status: true, Settings: s}, nil)
	}
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
	p.record(w)
	if st.session != p.session || st.h2.ID() != p.id || !st.h2.IsOpen() {
		return
	}
	defer w.rescue(&st.client, nil, nil)
	st.sendWhole(p.text, p.toHead)
	if st.client.Loop() != nil {
		st.end(nil, nil)
	}
}

// refuses answers a request for the status path that the rules in front of the app at its
// host do not let pass, as they would one for the app. It reports whether it has.
func (st *stream) refuses(head *http1.Request) bool {
	c := &st.client
	w := c.worker
	app := w.engine.router.Route(head.Host, forward.Path(head)).App
	if app == nil || app.Settings().Edge == nil {
		return false
	}
	from := edge.Peer{IP: c.ip, HTTP2: true, Status: true, Settings: w.engine.settings.Load()}
	x, err := app.Settings().Edge.Begin(head, from, app.Edge())
	x.End()
	if err == nil {
		return false
	}
	toHead := string(head.Method) == http.MethodHead
	f := policy.FaultOf(err, "")
	if from.Settings.Describe {
		described, _ := edge.Describing.Begin(head, from, nil)
		w.refused = outcome.Outcome{
			Method: head.Method, Route: forward.Path(head), Client: c.ip, Status: true, Request: described.Request(),
			Code: f.Code, Source: f.Source, BytesOut: f.Length(toHead),
		}
		w.engine.record(&w.refused)
		w.refused = outcome.Outcome{} // its slices are those of the head
		described.End()
	}
	c.dropHead()
	st.sendWhole(f.Append(w.out[:0], toHead, false), toHead)
	if c.Loop() != nil {
		st.end(nil, nil)
	}
	return true
}

// headEnd is the end of the head of a page.
var headEnd = []byte("\r\n\r\n")

// record reports the request.
func (p *page) record(w *worker) {
	if p.edge == nil {
		return
	}
	o := &p.outcome
	const line = len("HTTP/1.1 ") // of the page, which dynlb itself has written
	o.Code, _ = strconv.Atoi(string(p.text[line : line+3]))
	if o.Code >= 400 {
		o.Source = outcome.Client
	}
	o.BytesOut = int64(len(p.text) - bytes.Index(p.text, headEnd) - len(headEnd))
	o.Request, o.Duration = p.edge.Request(), w.since(p.began)
	w.engine.record(o)
	p.edge.End()
	p.edge = nil
}

var _ eventloop.Task = (*page)(nil)
