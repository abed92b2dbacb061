package fast

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// instanceEnded is called when the instance has closed its connection, or reset
// it.
func (s *response) instanceEnded(err error) {
	r := s.request
	if r.lost != nil {
		err = r.lost
	}
	if !s.begun() {
		if s.receiving == readingHead && eventloop.IsEnd(err) {
			err = io.ErrUnexpectedEOF
		}
		r.broke(err)
		return
	}
	if !eventloop.IsEnd(err) || s.body.End() != nil {
		r.instanceBrokeOff(err)
		return
	}
	if s.receiving != complete {
		r.lease.AnsweredByEnd(string(r.outcome.Method), string(r.outcome.Route))
	}
	s.ended()
	if s.delivery.Chunked && !s.toClient([]byte(http1.LastChunk)) {
		return
	}
	s.reusable = false
	if !r.client.Waits() {
		r.finish()
	}
}

// ended is called when the instance has sent all of the response.
func (s *response) ended() {
	s.receiving = complete
	s.request.release()
}

// finish ends a request whose response was passed on as a whole.
func (r *request) finish() {
	u := r.upstream
	r.upstream = nil
	if r.response.reusable && r.sending == sendDone {
		u.pool.put(u, !r.response.contentless)
	} else {
		u.close()
	}
	r.answered()
}

// answered ends a request that was answered.
func (r *request) answered() {
	c := r.client
	if c.stream != nil {
		c.stream.end(r, r.response.trailer)
		return
	}
	last := r.response.delivery.Last                         // else the client may send another request, even during a shutdown
	sending := r.keepAlive || !r.body.Done() || c.Readable() // the client may send more
	r.conclude()
	switch {
	case !last && !c.Waits():
		c.next()
	case sending || c.Waits():
		c.end()
	default:
		c.close()
	}
}

// release gives the claim on the instance back. That happens when the instance has
// responded and before the client has the whole response, so that the client's next
// request finds the instance idle.
func (r *request) release() {
	if r.attempt != attemptOver {
		r.attempt = attemptOver
		r.lease.Release()
	}
}

// conclude records how the request ended, and recycles it. A request that the
// registry is giving an instance right now is kept until then.
func (r *request) conclude() {
	w := r.worker
	queued := r.attempt == attemptQueued
	if queued {
		r.leftQueue()
	}
	r.release()
	r.dropPartial()
	r.record()
	r.client.request = nil
	if queued && !r.app.Registry().Dequeue(&r.waiter) {
		r.attempt = attemptAbandoned
	} else {
		r.recycle()
	}
	w.loop.End()
}

// record reports how the request ended.
func (r *request) record() {
	o := &r.outcome
	if r.app != nil {
		o.App = r.app.Name()
	}
	o.Instance = string(r.lease.ID())
	o.Attempts = r.attempts.Claims()
	o.Client = r.client.ip
	o.Shard = r.worker.shard
	o.Request, o.Trace = r.edge.Request(), r.edge.Trace()
	o.Duration = r.worker.since(r.began)
	r.worker.engine.record(o)
	r.edge.End()
	r.edge = nil
}

// fail answers the request with the fault that err stands for.
func (r *request) fail(err error) {
	trouble := ""
	if r.app != nil {
		trouble = r.app.Registry().Trouble()
	}
	f := policy.FaultOf(err, trouble)
	r.outcome.Code, r.outcome.Source = f.Code, f.Source
	level := slog.LevelInfo
	if f.Code == http.StatusBadGateway || f.Code == http.StatusGatewayTimeout {
		level = slog.LevelWarn
	}
	if f.IsQuiet() {
		level = slog.LevelDebug
	}
	r.log(level, f.Message, f.Cause(err))
	r.sendFault(f)
}

// sendFault sends the client a fault. A fault has no Connection: keep-alive, so an
// HTTP/1.0 client's connection is closed.
func (r *request) sendFault(f policy.Fault) {
	r.edge.Dress(&f)
	r.outcome.BytesOut = f.Length(r.toHead)
	r.dropUpstream()
	if r.attempt != attemptQueued { // else conclude takes it out of the queue
		r.release()
	}
	last := !r.keepAlive || r.http10 || !r.body.Done() || r.worker.engine.ends() || f.Code == http.StatusNotImplemented
	r.response.delivery.Last = last
	if c := r.client; c.stream != nil {
		c.stream.sendWhole(f.Append(r.worker.out[:0], r.toHead, false), r.toHead)
		r.answered()
		return
	}
	if err := r.client.Send(f.Append(r.worker.out[:0], r.toHead, last)); err != nil {
		r.clientGone()
		return
	}
	r.answered()
}

// clientFaulted ends a request because of an error that the client made after the
// head was forwarded.
func (r *request) clientFaulted(e *http1.Error) {
	f := policy.ViolationFault(e)
	r.outcome.Code, r.outcome.Source = f.Code, f.Source
	r.log(slog.LevelInfo, f.Message, f.Cause(e))
	if !r.response.begun() {
		r.sendFault(f)
		return
	}
	r.breakOff()
}

// instanceBrokeOff ends a request whose response the instance broke off.
func (r *request) instanceBrokeOff(err error) {
	if eventloop.IsEnd(err) {
		err = io.ErrUnexpectedEOF
	}
	r.lease.Broke(string(r.outcome.Method), string(r.outcome.Route))
	r.outcome.Code, r.outcome.Source = http.StatusBadGateway, outcome.Instance
	r.log(slog.LevelWarn, "instance broke its response off", err)
	r.breakOff()
}

// breakOff ends the response so that the client sees that it is not whole.
func (r *request) breakOff() {
	c, untilClose := r.client, r.response.delivery.UntilClose
	r.dropUpstream()
	r.conclude()
	if untilClose || c.stream != nil {
		c.reset()
		return
	}
	c.end()
}

// clientGone ends a request whose client is gone. A client that is still connected
// after all must not take a part of a response for the whole.
func (r *request) clientGone() {
	c, untilClose := r.client, r.response.delivery.UntilClose
	f := policy.FaultOf(context.Canceled, "")
	r.outcome.Code, r.outcome.Source = f.Code, f.Source
	r.log(slog.LevelDebug, f.Message, nil)
	r.dropUpstream()
	r.conclude()
	if untilClose {
		c.reset()
		return
	}
	c.close()
}

// log writes a line about the request.
func (r *request) log(level slog.Level, message string, cause error) {
	logger := r.worker.engine.log
	if !logger.Enabled(context.Background(), level) {
		return
	}
	path := string(r.outcome.Route)
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	attrs := []slog.Attr{
		slog.String("method", string(r.outcome.Method)),
		slog.String("path", path),
		slog.Int("code", r.outcome.Code),
	}
	if r.app != nil {
		attrs = append(attrs, slog.String("app", r.app.Name()))
	}
	if r.lease.Valid() {
		attrs = append(attrs, slog.String("instance", string(r.lease.ID())))
	}
	if id := r.edge.ID(); id != "" {
		attrs = append(attrs, slog.String("requestID", id))
	}
	if cause != nil {
		attrs = append(attrs, slog.String("cause", cause.Error()))
	}
	logger.LogAttrs(context.Background(), level, message, attrs...)
}
