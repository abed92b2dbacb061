package std

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/dynlb/dynlb/proxy/http1"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
)

// receive reads the response and carries it to the client. It returns an error if the
// client got nothing of the final response.
func (x *exchange) receive(u *upstream) error {
	d := download{exchange: x, from: u}
	defer func() { d.encoder.Drop() }()
	payload, err := d.begin()
	switch {
	case err != nil:
		return err
	case x.tunnel:
		x.relay(u)
	default:
		d.run(payload)
	}
	return nil
}

// begin carries the heads of the response: informational ones, and the final one. It
// returns the payload that has arrived behind the final one.
func (d *download) begin() ([]byte, error) {
	r := d.rules.responses.Get().(*http1.Response)
	defer d.rules.responses.Put(r)
	defer r.Reset(false, false) // runs before Put
	for {
		if err := d.readHead(d.from, r); err != nil {
			return nil, err
		}
		switch {
		case r.Status == http.StatusSwitchingProtocols:
			return nil, d.switchProtocols(d.from, r)
		case !r.Informational():
			if err := d.unswitched(r); err != nil {
				return nil, err
			}
			return d.respond(r)
		}
		if err := d.inform(d.from, r); err != nil {
			return nil, err
		}
	}
}

// readHead reads a head.
func (x *exchange) readHead(u *upstream, r *http1.Response) error {
	r.Reset(x.toHead, x.marks.Upgrade.IsSet())
	for {
		if b := u.intake.bytes(); len(b) > 0 {
			n, err := r.Parse(b)
			if err != nil {
				return err
			}
			if n > 0 {
				u.intake.skip(n)
				x.interim += n
				return nil
			}
		}
		err := x.readSome(u)
		if errors.Is(err, io.EOF) && u.received {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return err
		}
	}
}

// readSome reads some bytes of a head, within the limit for the response.
func (x *exchange) readSome(u *upstream) error {
	for {
		err := u.receive()
		if !isTimeout(err) {
			return x.lostEnd(err)
		}
		if err := x.late(u); err != nil {
			return err
		}
	}
}

// late is called when the deadline for the head of the response has passed. It returns
// nil if the instance has more time.
func (x *exchange) late(u *upstream) error {
	if extended, err := x.extend(u); extended || err != nil {
		return err
	}
	if x.expects && !x.asked {
		x.app.Continue().Note(false)
		return x.proceed(u, nil)
	}
	return x.timedOut()
}

// extend sets the next deadline for the head of the response. It reports whether there
// is one.
func (x *exchange) extend(u *upstream) (bool, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if errors.Is(x.sendErr, context.DeadlineExceeded) {
		return false, x.sendErr
	}
	next, ok := x.answerBy.extend()
	if ok {
		_ = u.conn.SetReadDeadline(next) // the read reports the error
	}
	return ok, nil
}

// inform carries an informational response.
func (x *exchange) inform(u *upstream, r *http1.Response) error {
	if x.interim > policy.MaxInterim {
		return policy.ErrInterim
	}
	if r.Status != http.StatusContinue || !x.expects {
		return x.toClient(x.client.inform(r))
	}
	x.app.Continue().Note(true)
	if x.asked { // the client has sent all, or the upload has begun
		return nil
	}
	return x.proceed(u, r)
}

// proceed asks the client for the content that it waits to send, and starts the upload.
// r is the 100 (Continue) of the instance, or nil if the instance sent none in time.
func (x *exchange) proceed(u *upstream, r *http1.Response) error {
	x.answerWithin(u, 0)
	x.asked = true
	ask := x.client.proceed
	if r != nil {
		ask = func() error { return x.client.inform(r) }
	}
	if err := x.toClient(ask()); err != nil {
		return err
	}
	x.startUpload(u)
	return nil
}

// toClient handles an error of a write to the client: the client is gone. It returns nil
// if err is nil, and context.Canceled otherwise.
func (x *exchange) toClient(err error) error {
	if err != nil {
		x.halt(context.Canceled)
		return context.Canceled
	}
	return nil
}

// respond carries the head of the final response. It returns the payload that has
// arrived behind the head.
func (d *download) respond(r *http1.Response) ([]byte, error) {
	d.keep, d.content = r.KeepAlive, !d.toHead && r.Status != http.StatusNoContent && r.Status != http.StatusNotModified
	d.body = r.Body()
	d.body.SplitTrailer = true
	payload, err := d.decode()
	if err != nil {
		return nil, err
	}
	if d.from.reused {
		d.app.IdleTime().Answered(d.from.rested)
	}
	d.app.IdleTime().Promised(r.Timeout)
	took := d.answered(d.from)
	if d.stream = policy.IsStream(r); d.stream {
		d.outcome.Stream = true
		d.lease.Stream()
	}
	d.expectStream()
	d.lease.Responded(took, r.Status)
	d.outcome.Code = r.Status
	if r.Status >= http.StatusBadRequest {
		d.outcome.Source = outcome.Instance
	}
	d.sticky.Respond(&d.session, r, d.lease.ID())
	d.edge.Respond(r, d.outcome.Queued, took)
	d.encoder = d.edge.Compress(r)
	d.client.respond(r, d.readsAll())
	return payload, nil
}

// answered is called when the head of the final response was read. It removes the limits
// for the response and for the rest of the upload. It returns the response time.
func (x *exchange) answered(u *upstream) time.Duration {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answering = true
	x.dropPartialLocked()
	if !x.answerBy.none() {
		_ = u.conn.SetReadDeadline(noDeadline) // the read reports the error
	}
	if !x.sentAll {
		u.wait()
	}
	return time.Since(x.sentAt)
}
