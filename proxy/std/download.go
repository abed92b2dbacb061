package std

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// download carries the content of a response to the client, after its head.
type download struct {
	*exchange
	from    *upstream
	body    http1.Body
	keep    bool // the instance keeps the connection
	content bool // such a response can have content
}

// run carries the content, of which payload is there, and ends the exchange.
func (d *download) run(payload []byte) {
	for !d.body.Done() {
		if d.pass(payload) != nil || d.client.flush() != nil {
			d.gone()
			return
		}
		var err error
		if payload, err = d.next(); err != nil {
			d.broke(err)
			return
		}
	}
	d.release() // before the client learns that this was all
	err := d.pass(payload)
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

// pass sends the client some of the content.
func (d *download) pass(payload []byte) error {
	d.outcome.BytesOut += int64(len(payload))
	return d.client.write(payload)
}

// decode returns the payload among the bytes of the response that have arrived.
func (d *download) decode() ([]byte, error) {
	payload, used, err := forward.Decode(&d.body, d.from.intake.bytes(), &d.trailer)
	d.from.intake.skip(used)
	return payload, err
}

// next waits for some more of the payload. It is empty when there is no more.
func (d *download) next() ([]byte, error) {
	err := d.from.receive()
	switch {
	case err == nil:
		d.lease.Progressed()
		return d.decode()
	case isTimeout(err): // from before the response: there is no limit any more
		return nil, d.from.conn.SetReadDeadline(noDeadline)
	case !errors.Is(d.lostEnd(err), io.EOF):
		return nil, d.lostEnd(err)
	case d.body.End() != nil:
		return nil, io.ErrUnexpectedEOF
	default:
		d.keep = false
		return nil, nil
	}
}

// close gives the connection to the instance back, if another request may follow on
// it. It does that once.
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

// gone ends a response that the client does not wait for.
func (d *download) gone() {
	d.abort()
	d.outcome.Code, d.outcome.Source = policy.StatusClientClosed, outcome.Client
	d.log(slog.LevelDebug, policy.Of(context.Canceled, "").Message, nil)
	d.client.breakOff(true)
}

// broke ends a response that the instance has broken off, or that was halted.
func (d *download) broke(err error) {
	violation, malformed := errors.AsType[*http1.Error](d.cause(nil))
	switch {
	case malformed: // the client's content is
		d.abort()
		f := policy.Refusal(violation)
		d.outcome.Code, d.outcome.Source = f.Code, f.Source
		d.log(slog.LevelInfo, f.Message, violation)
	case d.cause(nil) != nil:
		d.gone()
		return
	default:
		d.abort()
		d.outcome.Code, d.outcome.Source = http.StatusBadGateway, outcome.Instance
		d.log(slog.LevelWarn, "instance broke its response off", err)
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
