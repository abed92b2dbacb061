package fastpath

import (
	"context"
	"net/http"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// errTimeout is how package policy knows a response that did not come in time.
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
		x.response.Reset(x.toHead, x.marks.Upgrade.IsSet())
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
		r.Reset(x.toHead, x.marks.Upgrade.IsSet())
	}
	x.upstream.keep(b)
}

// inform passes an informational response of n bytes on. It reports whether
// another response is to be read. HTTP/1.0 knows none (RFC 9110, 15.2).
func (x *exchange) inform(r *http1.Response, n int) bool {
	if x.interim += n; x.interim > policy.MaxInterim*x.settings.Limits.Head {
		x.broke(policy.ErrInterim)
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
	return x.toClient(forward.AppendInterim(x.loop.out[:0], r))
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
	payload, used, err := forward.Decode(&x.down, rest, &x.trailer)
	if err != nil {
		x.broke(err)
		return
	}
	x.responding = true
	x.code = r.Status
	x.bare = x.toHead || r.Status == http.StatusNoContent || r.Status == http.StatusNotModified
	x.responded(r.Status)
	x.reusable = r.KeepAlive
	if used < len(rest) {
		x.surplus()
	}
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
	to := forward.Client{HTTP10: x.old, Last: !x.keep || !x.up.Done() || x.loop.engine.closing.Load()}
	b, delivery := forward.AppendResponse(b, r, to, x.loop.dateNow())
	x.chunkDown, x.untilClose, x.last = delivery.Chunked, delivery.UntilClose, delivery.Last
	return b
}
