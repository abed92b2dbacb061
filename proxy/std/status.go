package std

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// isStatus reports whether a request is for the status path. An unusual spelling of it,
// such as /lb%2Dstatus, is a path of the app.
func (l *Lane) isStatus(r *http1.Request) bool {
	if l.options.Status == nil || l.options.Settings.Load().HideStatus {
		return false
	}
	path, _, _ := bytes.Cut(r.Path, []byte("?"))
	return string(path) == l.options.StatusPath
}

// answerStatus answers a request for the status path.
func (l *Lane) answerStatus(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		policy.Fault{Code: http.StatusMethodNotAllowed, Message: l.options.StatusPath + " answers GET and HEAD"}.Write(w)
		return
	}
	l.options.Status.ServeHTTP(w, r)
}

// statusCall is a request for the status path.
type statusCall struct {
	lane  *Lane
	call  *edge.StatusCall
	began time.Time
}

// beginStatus begins a request for the status path. The error is not nil if it may not pass.
func (l *Lane) beginStatus(r *http1.Request, from edge.Peer) (call statusCall, err error) {
	path := forward.Path(r)
	call = statusCall{l, edge.NewStatusCall(r, path, from), time.Now()}
	if app := l.options.Router.Route(r.Host, path).App; app != nil {
		err = app.Settings().Edge.Guard(r, from, app.Edge())
	}
	return call, err
}

// end records the request, which was answered with a status and so much content.
func (c statusCall) end(code int, content int64) {
	c.call.End(c.lane.options.Record, code, content, time.Since(c.began))
}

// takeStatus answers a request for the status path, if it may pass.
func (c *conn) takeStatus(r *http1.Request) {
	from := edge.Peer{IP: c.peer.IP, Status: true, Settings: c.rules.Settings}
	call, err := c.lane.beginStatus(r, from)
	if err == nil {
		w := c.serveStatus(r)
		call.end(w.code, w.length(c.toHead))
		return
	}
	f := policy.FaultOf(err, "")
	call.end(f.Code, f.Length(c.toHead))
	whole := c.body.Done()
	if !whole {
		_, whole = c.atHand()
	}
	c.dropRequest()
	c.refuse(f, whole)
}

// statusRequest returns a request for the status path as what answers it knows it.
func (l *Lane) statusRequest(r *http1.Request, address string) *http.Request {
	_, query, _ := bytes.Cut(r.Path, []byte("?"))
	return &http.Request{
		Method: string(r.Method), URL: &url.URL{Path: l.options.StatusPath, RawQuery: string(query)}, RequestURI: string(r.Path), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: http.NoBody, Host: string(r.Host), RemoteAddr: address,
	}
}

// serveStatus answers a request for the status path on a connection of HTTP/1.1, and
// returns the answer.
func (c *conn) serveStatus(r *http1.Request) *page {
	w := &page{header: make(http.Header), code: http.StatusOK}
	request := c.lane.statusRequest(r, c.conn.RemoteAddr().String())
	whole := c.body.Done()
	if !whole {
		_, whole = c.atHand()
	}
	c.dropRequest()
	c.lane.answerStatus(w, request)
	last := c.isLast(whole) || c.http10
	c.out = w.append(c.room(), c.toHead, last, c.lane.date.at(time.Now()))
	c.settle(last, whole)
	if c.flush() != nil {
		c.fate = closes
	}
	return w
}

// serveStatus answers a request for the status path, if it may pass.
func (s *stream) serveStatus(r *http1.Request, ip string) {
	from := edge.Peer{IP: ip, HTTP2: s.session == nil, HTTP3: s.session != nil, Status: true, Settings: s.rules.Settings}
	toHead := s.request.Method == http.MethodHead
	call, err := s.lane.beginStatus(r, from)
	if err != nil {
		f := policy.FaultOf(err, "")
		f.Write(s.writer)
		call.end(f.Code, f.Length(toHead))
		return
	}
	w := &page{header: s.writer.Header(), code: http.StatusOK}
	s.lane.answerStatus(w, s.lane.statusRequest(r, s.request.RemoteAddr))
	s.writer.WriteHeader(w.code)
	_, _ = s.writer.Write(w.body.Bytes()) // it fails only if the client is gone
	call.end(w.code, w.length(toHead))
}

// page is an http.ResponseWriter that collects a response.
type page struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header returns the header fields.
func (p *page) Header() http.Header { return p.header }

// WriteHeader sets the status.
func (p *page) WriteHeader(code int) { p.code = code }

// Write adds to the content.
func (p *page) Write(b []byte) (int, error) { return p.body.Write(b) }

// length returns how many bytes of content the response has.
func (p *page) length(toHead bool) int64 {
	if toHead {
		return 0
	}
	return int64(p.body.Len())
}

// append appends the response to b in HTTP/1.1.
func (p *page) append(b []byte, toHead, last bool, date []byte) []byte {
	p.header.Set("Content-Length", strconv.Itoa(p.body.Len()))
	p.header.Set("Date", string(date))
	if last {
		p.header.Set("Connection", "close")
	}
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(p.code), 10)
	b = append(append(b, ' '), http.StatusText(p.code)...)
	b = append(b, "\r\n"...)
	var fields bytes.Buffer
	_ = p.header.Write(&fields) // a buffer returns no error
	b = append(append(b, fields.Bytes()...), "\r\n"...)
	if toHead {
		return b
	}
	return append(b, p.body.Bytes()...)
}
