package proxy

import (
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/internal/fault"
	"github.com/dynlb/dynlb/proxy/policy"
)

// exchange is one request on its way to an instance, and its response on the
// way back. Its methods are called on the handler's goroutine only.
type exchange struct {
	proxy    *Proxy
	settings *Settings // when it began
	reverse  httputil.ReverseProxy
	writer   http.ResponseWriter
	request  *http.Request // as the client sent it
	started  time.Time

	lease    registry.Lease
	upload   *upload  // the request's body; nil when there is none
	download download // the response's body
	attempts policy.Attempts

	code     int  // status for the client; 0 before it is known
	recorded bool // Options.Record was told
	returned bool // run returned: it did not panic
}

// flushAfter is how long a piece of a response may wait for the next, so that a
// small one goes out with its head. It is for responses that announce their
// length; of others and of events each piece is sent at once.
const flushAfter = 10 * time.Millisecond

// quiet takes what ReverseProxy would log: exchange logs it, once.
var quiet = log.New(io.Discard, "", 0)

// run carries the request. It panics with http.ErrAbortHandler when all that is
// left is to break the client's connection.
func (e *exchange) run() {
	err := e.refuse()
	if err == nil {
		err = e.claim()
	}
	if err != nil {
		e.fail(e.writer, e.request, err)
		e.returned = true
		return
	}
	e.reverse = httputil.ReverseProxy{
		Rewrite:       e.rewrite,
		Transport:     e,
		FlushInterval: flushAfter,
		BufferPool:    buffers{},
		ErrorHandler:  e.fail,
		ErrorLog:      quiet,
	}
	e.reverse.ServeHTTP(e.clientWriter(), e.request)
	e.returned = true
}

// refuse returns why the request is not for a reverse proxy to forward, or nil.
func (e *exchange) refuse() error {
	switch e.request.Method {
	case http.MethodConnect:
		return fault.ErrConnect
	case http.MethodTrace:
		return fault.ErrTrace
	}
	if e.request.ProtoMajor == 2 {
		if err := e.proxy.guard.checkStream(e.request); err != nil {
			strip(e.request)
			return err
		}
	}
	return nil
}

// claim releases the instance that was claimed before, if any, and claims one
// that is ready, waiting for it if need be.
func (e *exchange) claim() error {
	e.lease.Release()
	lease, err := e.proxy.options.Registry.Acquire(e.request.Context(), registry.Preference{})
	e.lease = lease
	return err
}

// claimAnother gives the claim up for one on another instance, or if there is
// none at once, on any.
func (e *exchange) claimAnother() error {
	lease, err := e.lease.Another(registry.Preference{})
	if err == nil && !lease.Valid() {
		return e.claim()
	}
	e.lease.Release()
	e.lease = lease
	return err
}

// rewrite makes the request that the instance gets. ReverseProxy has removed
// the hop-by-hop fields already, so what is set here no client can remove by
// naming it in Connection.
func (e *exchange) rewrite(r *httputil.ProxyRequest) {
	in, out := r.In, r.Out
	setTarget(out, in)
	keepFields(out.Header, in.Header)
	dropFields(out.Header)
	setForwarded(out.Header, in, e.settings.Trusts)
	restrictUpgrade(out.Header, in)
	out.Trailer = nil // Bun answers a trailer with a 400
	if out.Body == nil {
		return
	}
	e.upload = &upload{body: out.Body}
	if in.ProtoMajor == 2 { // of HTTP/1 the guard sees to it
		e.upload.within(e.settings.BodyTimeout, e.writer)
	}
	out.Body = e.upload
	// A connection that is to be kept, net/http sends the body on even if the
	// instance has refused it.
	out.Close = len(out.Header["Expect"]) > 0
}

// end gives the instance back and tells what became of the request. It runs
// however the handler ends.
func (e *exchange) end() {
	e.lease.Release()
	if !e.returned && e.code != StatusClientClosed {
		e.broken()
	}
	e.record()
	if e.unfinished() {
		e.upload.stop(e.writer)
	}
	e.upload.leave()
	e.proxy.flight.end()
}

// readyWriter is called before a response. One that comes before the end of the
// request is the last on its connection: where the next request begins, nobody
// knows. Being told so, net/http also sends the response at once, and does not
// read the rest of the request first, in competition with the upload.
func (e *exchange) readyWriter() {
	if e.unfinished() {
		e.writer.Header().Set("Connection", "close")
	}
}

// unfinished reports whether the rest of the request is in the way of the next.
func (e *exchange) unfinished() bool {
	return !e.upload.complete() && e.request.ProtoMajor == 1 && e.code != http.StatusSwitchingProtocols
}

// broken works out why the response was broken off after its header.
func (e *exchange) broken() {
	switch {
	case e.code == 0: // a bug; net/http logs it
		e.code = http.StatusInternalServerError
	case e.download.err != nil && e.request.Context().Err() == nil:
		e.code = http.StatusBadGateway
		_ = http.NewResponseController(e.writer).Flush() // what there is
		e.log(slog.LevelWarn, "instance broke its response off", e.download.err)
	case violationOn(e.request.Context()) != nil:
		bad := violationOn(e.request.Context())
		e.code = bad.Status
		e.log(slog.LevelInfo, fault.Refusal(bad).Message, bad)
	default:
		e.code = StatusClientClosed
		e.log(slog.LevelDebug, "client closed the request", nil)
	}
}

func (e *exchange) record() {
	if e.recorded || e.proxy.options.Record == nil {
		return
	}
	e.recorded = true
	e.proxy.options.Record(e.code, time.Since(e.started))
}

func (e *exchange) log(level slog.Level, message string, cause error) {
	ctx, logger := e.request.Context(), e.proxy.options.Log
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", e.request.Method),
		slog.String("path", e.request.URL.Path), // no query: it may hold secrets
		slog.Int("code", e.code),
	}
	if e.lease.Valid() {
		attrs = append(attrs, slog.String("instance", string(e.lease.ID())))
	}
	if cause != nil {
		attrs = append(attrs, slog.String("cause", cause.Error()))
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}
