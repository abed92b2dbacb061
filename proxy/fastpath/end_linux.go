package fastpath

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/policy"
)

// finish ends an exchange whose response was passed on as a whole.
func (x *exchange) finish() {
	u := x.upstream
	x.upstream = nil
	if x.reusable && x.wholeSent {
		u.pool.put(u, !x.bare)
	} else {
		u.close()
	}
	x.close()
}

// close ends an exchange that was answered.
func (x *exchange) close() {
	c := x.client
	last, tell := x.last || x.loop.engine.closing.Load(), x.keep || !x.up.Done() || c.ready&readable != 0
	x.land()
	switch {
	case !last && c.out.empty():
		c.next()
	case tell || !c.out.empty(): // it may be sending
		c.end()
	default:
		c.close()
	}
}

// release gives the claim on the instance back: when it has responded, before the
// client learns that, so that the client's next request finds it idle.
func (x *exchange) release() {
	if !x.released {
		x.released = true
		x.lease.Release()
	}
}

// land gives back what the exchange has, and tells what became of it. A client
// that the registry is giving an instance right now is not done before that.
func (x *exchange) land() {
	l := x.loop
	x.release()
	l.engine.record(x.code, l.now-x.started)
	x.client.exchange = nil
	if x.queued && !l.engine.options.Registry.Leave(&x.waiter) {
		x.gone = true
	} else {
		x.recycle()
	}
	l.landed()
}

func (e *Engine) record(code int, took int64) { e.options.Record(code, time.Duration(took)) }

// fail answers the request with what err comes to.
func (x *exchange) fail(err error) {
	f := policy.Of(err, x.loop.engine.options.Registry.Trouble())
	x.code = f.Code
	level := slog.LevelInfo
	if f.Code == http.StatusBadGateway || f.Code == http.StatusGatewayTimeout {
		level = slog.LevelWarn
	}
	x.log(level, f.Message, err)
	x.answer(f)
}

// answer sends the client a policy. HTTP/1.0 is not told that the connection is
// kept, so it is not.
func (x *exchange) answer(f policy.Fault) {
	l, c := x.loop, x.client
	x.dropUpstream()
	x.release()
	x.last = !x.keep || x.old || !x.up.Done() || l.engine.closing.Load() || f.Code == http.StatusNotImplemented
	if err := c.send(f.Append(l.out[:0], x.toHead, x.last)); err != nil {
		x.clientGone()
		return
	}
	x.close()
}

// spoil ends an exchange for what the client did after its head was forwarded.
func (x *exchange) spoil(e *http1.Error) {
	f := policy.Refusal(e)
	x.code = f.Code
	x.log(slog.LevelInfo, f.Message, e)
	if !x.responding {
		x.answer(f)
		return
	}
	x.breakOff()
}

// cut ends an exchange whose response the instance broke off.
func (x *exchange) cut(err error) {
	if err == io.EOF { //nolint:errorlint // it is the very value
		err = io.ErrUnexpectedEOF
	}
	x.code = http.StatusBadGateway
	x.log(slog.LevelWarn, "instance broke its response off", err)
	x.breakOff()
}

// breakOff ends the response so that the client sees that it is not whole.
func (x *exchange) breakOff() {
	c, untilClose := x.client, x.untilClose
	x.dropUpstream()
	x.land()
	if untilClose {
		c.reset()
		return
	}
	c.end()
}

// clientGone ends an exchange that nobody waits for. Whoever does all the same must
// not take what there is of a response for the whole.
func (x *exchange) clientGone() {
	c, untilClose := x.client, x.untilClose
	x.code = policy.StatusClientClosed
	x.log(slog.LevelDebug, policy.Of(context.Canceled, "").Message, nil)
	x.dropUpstream()
	x.land()
	c.shut(untilClose)
}

// log writes a line about the exchange.
func (x *exchange) log(level slog.Level, message string, cause error) {
	logger := x.loop.engine.options.Log
	if !logger.Enabled(context.Background(), level) {
		return
	}
	path := string(x.label[x.method:])
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	attrs := []slog.Attr{
		slog.String("method", x.methodText()),
		slog.String("path", path),
		slog.Int("code", x.code),
	}
	if x.lease.Valid() {
		attrs = append(attrs, slog.String("instance", string(x.lease.ID())))
	}
	if cause != nil {
		attrs = append(attrs, slog.String("cause", cause.Error()))
	}
	logger.LogAttrs(context.Background(), level, message, attrs...)
}

func (x *exchange) methodText() string { return string(x.label[:x.method]) }
