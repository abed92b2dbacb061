package std

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/dynlb/dynlb/proxy/edge"
	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// download is the part of an exchange that carries a final response to the client.
type download struct {
	*exchange
	from    *upstream
	body    http1.Body
	keep    bool          // another request may follow on the connection to the instance
	content bool          // such a response can have content
	stream  bool          // see policy.IsStream
	encoder *edge.Encoder // compresses the content; nil: it stays as it is
}

// run carries the content. payload is the part of it that has arrived.
func (d *download) run(payload []byte) {
	for !d.body.Done() {
		if d.pass(payload, false) != nil || d.client.flush() != nil {
			d.gone()
			return
		}
		var err error
		if payload, err = d.next(); err != nil {
			d.broke(err)
			return
		}
	}
	d.release() // before the client gets the end
	err := d.pass(payload, true)
	if err == nil {
		if !d.stillUploads() {
			d.close()
		}
		err = d.client.end(d.trailer)
	}
	if err != nil {
		d.gone()
		return
	}
	d.close()
}

// pass sends payload to the client. last tells that it ends the content.
func (d *download) pass(payload []byte, last bool) error {
	payload = d.encoder.Encode(payload, last)
	d.outcome.BytesOut += int64(len(payload))
	if d.stream {
		d.lease.Carried(len(payload))
	}
	return d.client.write(payload)
}

// decode returns the payload in the bytes that have arrived.
func (d *download) decode() ([]byte, error) {
	payload, used, err := forward.Decode(&d.body, d.from.intake.bytes(), &d.trailer)
	d.from.intake.skip(used)
	return payload, err
}

// next waits for more payload. It returns none at the end of the content.
func (d *download) next() ([]byte, error) {
	err := d.from.receive()
	switch {
	case err == nil:
		d.lease.Progressed()
		return d.decode()
	case isTimeout(err): // a deadline from before the response, or of expectStream
		d.becomeStream()
		return nil, d.from.conn.SetReadDeadline(noDeadline)
	case !errors.Is(d.lostEnd(err), io.EOF):
		return nil, d.lostEnd(err)
	case d.body.End() != nil:
		return nil, io.ErrUnexpectedEOF
	default:
		d.keep = false
		d.lease.AnsweredByEnd(d.method, string(d.outcome.Route))
		return nil, nil
	}
}

// close ends the use of the connection to the instance: it goes back to the pool if
// another request may follow. A second call does nothing.
func (d *download) close() {
	u := d.from
	if u == nil {
		return
	}
	d.endUpload(u)
	d.from = nil
	d.mu.Lock()
	d.connected = nil
	reusable := d.keep && d.sentAll
	d.mu.Unlock()
	switch {
	case reusable:
		d.lane.pool.put(u, d.content)
	case !u.intake.empty():
		d.lane.pool.stray(u)
		fallthrough
	default:
		u.close()
	}
}

// gone ends a response whose client is gone.
func (d *download) gone() {
	d.abort()
	d.outcome.Code, d.outcome.Source = policy.StatusClientClosed, outcome.Client
	d.log(slog.LevelDebug, policy.FaultOf(context.Canceled, "").Message, nil)
	d.client.breakOff(true)
}

// broke ends a response that is incomplete: the instance has broken it off, or the
// exchange was halted.
func (d *download) broke(err error) {
	violation, malformed := errors.AsType[*http1.Error](d.cause(nil))
	expired, late := errors.AsType[*policy.DeadlineError](d.cause(nil))
	switch {
	case late:
		d.expire(expired)
		return
	case malformed: // the content of the request
		d.abort()
		f := policy.ViolationFault(violation)
		d.outcome.Code, d.outcome.Source = f.Code, f.Source
		d.log(slog.LevelInfo, f.Message, f.Cause(violation))
	case d.cause(nil) != nil:
		d.gone()
		return
	default:
		d.abort()
		d.lease.Broke(d.method, string(d.outcome.Route))
		d.outcome.Code, d.outcome.Source = http.StatusBadGateway, outcome.Instance
		d.log(slog.LevelWarn, "instance broke its response off", err)
		if d.endCall(err) {
			return
		}
	}
	d.client.breakOff(false)
}

// abort closes the connection to the instance.
func (d *download) abort() {
	if d.from != nil {
		d.from.close()
		d.endUpload(d.from)
		d.from = nil
	}
}
