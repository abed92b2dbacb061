package std

import (
	"context"
	"errors"
	"io"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/internal/settings"
	"github.com/dynlb/dynlb/proxy/policy"
)

// carry claims instances and makes attempts, until one is answered or package policy
// decides that the request fails. It returns nil if the response, or a part of it,
// was passed on.
func (x *exchange) carry() error {
	x.client.watch(x)
	if err := x.claim(); err != nil {
		return err
	}
	x.attempts = policy.Begin(x.method, x.content, x.app.Registry())
	for fresh := false; ; {
		err := x.attempt(fresh)
		if err == nil {
			return nil
		}
		d := x.attempts.Next(x.cause(err))
		d.Report(x.lease)
		if d.Step == policy.CheckAlive {
			d = x.attempts.Checked(x.checkAlive())
			d.Report(x.lease)
		}
		switch d.Step {
		case policy.Resend:
			fresh = true
		case policy.Another:
			fresh = false
			if err := x.claimAnother(); err != nil {
				return err
			}
		default:
			return x.cause(d.Err)
		}
	}
}

// readsAll reports whether the request was read to its end.
func (x *exchange) readsAll() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.readAll
}

// attempt sends the request to the claimed instance, on a new connection if it must
// be fresh, and carries the response. It returns an error if the client got nothing
// of that: a *policy.ConnectError or a *policy.BrokenError.
func (x *exchange) attempt(fresh bool) error {
	u, err := x.connection(fresh)
	if err != nil {
		return err
	}
	began := time.Now()
	if err = x.send(u, began); err == nil {
		err = x.receive(u)
	}
	if err == nil {
		return nil
	}
	consumed := x.uploads
	u.close()
	x.endUpload(u)
	return &policy.BrokenError{
		Cause: err, Sent: u.sent.Load() > 0, Received: u.received, Reused: u.reused, Consumed: consumed,
		Implicated: x.lease.Implicated(), After: time.Since(began),
	}
}

// connection returns one to the claimed instance: an idle one, or else, or if it must
// be fresh, a new one.
func (x *exchange) connection(fresh bool) (*upstream, error) {
	to := x.lease.Endpoint()
	if !fresh {
		if u := x.lane.pool.get(to); u != nil {
			return u, nil
		}
	}
	u, err := x.dial()
	if err != nil {
		return nil, &policy.ConnectError{Cause: err}
	}
	return u, nil
}

// dial connects to the claimed instance, until the exchange is halted.
func (x *exchange) dial() (*upstream, error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	x.mu.Lock()
	err := x.halted
	x.cancel = cancel
	x.mu.Unlock()
	if err != nil {
		return nil, err
	}
	u, err := x.lane.pool.connect(ctx, x.lease.Endpoint())
	x.mu.Lock()
	x.cancel = nil
	x.mu.Unlock()
	return u, err
}

// checkAlive finds out whether the claimed instance is alive: the connection that
// broke may have been in its backlog when it died.
func (x *exchange) checkAlive() policy.Liveness {
	u, err := x.dial()
	if err == nil {
		u.close()
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		return policy.Refusing
	}
	late := time.NewTimer(policy.DeathWithin)
	defer late.Stop()
	select {
	case <-x.lease.Dead():
		return policy.Dead
	case <-x.wakeup:
	case <-late.C:
	}
	return policy.Alive
}

// send sends the head of the request, and begins to send the content that is not
// there yet, unless that is to be waited for.
func (x *exchange) send(u *upstream, began time.Time) error {
	if err := x.connect(u, began); err != nil {
		return err
	}
	if !u.reused {
		if stray, err := u.prober.ask(); stray {
			x.lane.pool.stray(u)
			return err
		} else if err != nil {
			return err
		}
	}
	if x.marks.Host.IsSet() {
		x.insertHost()
	}
	if err := u.send(x.head, x.timeout); err != nil {
		if u.sent.Load() == 0 {
			return sendError(err)
		}
		x.unsent(u, err) // the instance may have answered before it closed the connection
		return nil
	}
	switch {
	case x.readsAll():
		x.sent(u)
	case x.expects && !x.told:
		x.answerWithin(u, settings.ContinueTimeout)
	default:
		x.startUpload(u)
	}
	return nil
}

// connect makes u what halting the exchange closes.
func (x *exchange) connect(u *upstream, began time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.connected = u
	x.sentAll, x.answering, x.sendErr = false, false, nil
	x.sentAt, x.answerBy = began, limit{}
	x.interim = 0
	return x.halted
}

// insertHost gives the request of a client that named no host the instance's.
func (x *exchange) insertHost() {
	old := x.head
	address := x.lease.Endpoint().Address
	x.head = forward.InsertHost(getBuffer(len(old) + len(address) + contentRoom)[:0], old, &x.marks, address)
	putBuffer(old[:cap(old)])
}

// sent is called when the instance has been sent the whole request. From now on it
// has the time that it may take.
func (x *exchange) sent(u *upstream) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sentAll, x.sentAt = true, time.Now()
	x.answerWithinLocked(u, x.timeout)
}

// unsent is called when the instance takes nothing more of the request. It may have
// answered before that. It must get nothing behind what it did not take.
func (x *exchange) unsent(u *upstream, err error) {
	u.finish()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sendErr = sendError(err)
	if errors.Is(x.sendErr, context.DeadlineExceeded) && !x.answering {
		_ = u.conn.SetReadDeadline(longAgo) // it fails as the read will
		return
	}
	x.answerWithinLocked(u, settings.LingerTimeout)
}

// sendError returns what an error of sending says about the instance.
func sendError(err error) error {
	if isTimeout(err) {
		return errTakesNothing
	}
	return err
}

// answerWithin sets how long the head of the response may take from now on. Zero is
// no limit.
func (x *exchange) answerWithin(u *upstream, d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.answerWithinLocked(u, d)
}

func (x *exchange) answerWithinLocked(u *upstream, d time.Duration) {
	if x.answering {
		return
	}
	x.answerBy = limit{}
	if d > 0 {
		x.answerBy = x.lane.clock.limit(d)
	}
	_ = u.conn.SetReadDeadline(x.answerBy.deadline()) // it fails as the read will
}

// lostEnd returns what the end of what an instance sends means: the kernel reports
// once that a connection was reset, perhaps to what sends, and a plain end to reads
// from then on. When the instance had ended its side before, it reports EPIPE.
func (x *exchange) lostEnd(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if errors.Is(err, io.EOF) && x.sendErr != nil && !errors.Is(x.sendErr, syscall.EPIPE) {
		return x.sendErr
	}
	return err
}
