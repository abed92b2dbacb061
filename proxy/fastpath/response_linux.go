package fastpath

import (
	"bytes"
	"context"
	"net/http"
	"strconv"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/internal/settings"
)

// errTimeout is how package fault knows a response that did not come in time.
var errTimeout = context.DeadlineExceeded

// receive takes from the instance what there is, and passes on what the client
// takes.
func (x *exchange) receive() {
	u := x.upstream
	for range rounds {
		if !x.wantsMore() {
			return
		}
		if x.splices() {
			if !x.splice() {
				return
			}
			continue
		}
		b, err := u.receive()
		if err == errAgain { //nolint:errorlint // it is the very value
			return
		}
		if err != nil {
			x.instanceEnded(err)
			return
		}
		if x.responding {
			x.pass(b)
		} else {
			x.readHead(b)
		}
		if x.upstream != u { // it is over, or another one has its turn
			return
		}
	}
	if x.wantsMore() {
		x.loop.later(u)
	}
}

// wantsMore reports whether the client has taken what there was, and the
// instance has more to send. If it has not, that was the exchange.
func (x *exchange) wantsMore() bool {
	if !x.responding {
		return true
	}
	done, err := x.flush()
	if done && x.pipe != nil {
		done, err = x.drain()
	}
	switch {
	case err != nil:
		x.clientGone()
	case done && x.down.Done():
		x.finish()
	case done:
		return true
	}
	return false
}

// readHead reads the head of the response, or of informational ones before it.
func (x *exchange) readHead(b []byte) {
	if x.response == nil {
		x.response = x.loop.newResponse()
		x.response.Reset(x.toHead, x.asked[1] > 0)
	}
	r := x.response
	x.received = true
	for len(b) > 0 {
		n, err := r.Parse(b)
		if err != nil {
			x.broke(err)
			return
		}
		if n == 0 {
			break
		}
		if !r.Informational() {
			x.respond(r, b[n:])
			return
		}
		if !x.inform(r, n) {
			return
		}
		b = b[n:]
		r.Reset(x.toHead, x.asked[1] > 0)
	}
	x.upstream.keep(b)
}

// inform passes an informational response of n bytes on. It reports whether
// another response is to be read. HTTP/1.0 knows none (RFC 9110, 15.2).
func (x *exchange) inform(r *http1.Response, n int) bool {
	if x.interim += n; x.interim > settings.MaxInterim*x.settings.Limits.Head {
		x.broke(errInterim)
		return false
	}
	if r.Status == http.StatusContinue && x.expects {
		if !x.continued { // else the timer is for the response
			x.continued = true
			x.upstream.timer.clear()
		}
		if x.told {
			return true
		}
		x.told = true
	}
	if x.old {
		return true
	}
	b := appendStatus(x.loop.out[:0], r)
	b, _ = appendFields(b, r)
	return x.toClient(append(b, "\r\n"...))
}

// respond passes the head of the response on, and of its content what is in
// rest.
func (x *exchange) respond(r *http1.Response, rest []byte) {
	l, u := x.loop, x.upstream
	if r.Status == http.StatusSwitchingProtocols {
		x.switchProtocols(r, rest)
		return
	}
	x.down = r.Body()
	x.down.SplitTrailer = true
	payload, used, err := decode(&x.down, rest, &x.trailer)
	if err != nil {
		x.broke(err)
		return
	}
	x.responding = true
	x.code = r.Status
	x.responded(r.Status)
	x.reusable = r.KeepAlive && used == len(rest)
	b := x.writeResponse(l.out[:0], r)
	x.dropResponse()
	if x.sent >= len(x.head) {
		x.dropHead()
	}
	u.timer.clear()
	there := x.deliver(b, payload)
	if !there {
		return
	}
	u.keep(nil)
	if x.down.Done() && x.client.out.empty() {
		x.finish()
	}
}

// responded tells the registry how long the instance took.
func (x *exchange) responded(status int) {
	x.lease.Responded(durationOf(x.loop.now-x.sentAt), status)
}

// writeResponse writes the head of the response as the client gets it.
func (x *exchange) writeResponse(b []byte, r *http1.Response) []byte {
	x.last = !x.keep || !x.up.Done() || x.loop.engine.closing.Load()
	b = appendStatus(b, r)
	b, dated := appendFields(b, r)
	if !dated {
		b = appendField(b, "Date: ", x.loop.dateNow())
	}
	if r.Framing == http1.Chunked || r.Framing == http1.UntilClose {
		if x.old {
			x.untilClose, x.last = true, true
		} else {
			x.chunkDown = true
			b = append(b, "Transfer-Encoding: chunked\r\n"...)
			b = announceTrailer(b, r)
		}
	}
	switch {
	case x.last && !x.old:
		b = append(b, "Connection: close\r\n"...)
	case !x.last && x.old:
		b = append(b, "Connection: keep-alive\r\n"...)
	}
	return append(b, "\r\n"...)
}

// announceTrailer appends the fields that say what will be in the trailer section.
func announceTrailer(b []byte, r *http1.Response) []byte {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.ID == http1.FieldTrailer {
			b = appendField(b, "Trailer: ", f.Value)
		}
	}
	return b
}

// appendStatus appends the status line.
func appendStatus(b []byte, r *http1.Response) []byte {
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(r.Status), 10)
	b = append(b, ' ')
	b = append(b, r.Reason...)
	return append(b, "\r\n"...)
}

// appendFields appends the fields of a response that are passed on. dated tells
// whether there is a Date among them.
func appendFields(b []byte, r *http1.Response) (_ []byte, dated bool) {
	for i := range r.Fields {
		f := &r.Fields[i]
		if f.Drop {
			continue
		}
		if len(f.Name) == len("Date") && f.Name[0]|0x20 == 'd' && bytes.EqualFold(f.Name, []byte("Date")) {
			dated = true
		}
		b = append(append(b, f.Name...), ": "...)
		if f.ID == http1.FieldContentLength { // has one way to be written
			b = strconv.AppendInt(b, r.Length, 10)
		} else {
			b = append(b, f.Value...)
		}
		b = append(b, "\r\n"...)
	}
	return b, dated
}
