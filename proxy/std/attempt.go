package std

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/forward"
	"github.com/dynlb/dynlb/proxy/h2c"
	"github.com/dynlb/dynlb/proxy/policy"
)

// carry claims an instance and makes attempts, as package policy decides. It returns nil
// if the client got a final response or a part of one, and the reason otherwise.
func (x *exchange) carry() error {
	if err := x.fill(); err != nil {
		return err
	}
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
			d = x.attempts.Conclude(x.lease, x.checkAlive())
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

// attempt sends the request to the claimed instance and carries the response. If fresh
// is true, it uses a new connection. It returns a *policy.ConnectError or a
// *policy.BrokenError if the client got nothing of a final response.
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
	if x.retract(err) {
		consumed = false
	} else {
		x.endUpload(u)
	}
	e := &policy.BrokenError{
		Cause: err, Sent: u.sent.Load() > 0, Received: u.received, Reused: u.older(err), Consumed: consumed,
		Implicated: x.lease.Implicated(), After: time.Since(began),
	}
	if h2c.Unprocessed(err) {
		e.Unprocessed, e.Sent = true, false
	}
	if x.cause(nil) == nil {
		x.app.Connections().Broken.Add(x.outcome.Shard, 1)
		if u.call == nil {
			x.app.IdleTime().Broke(e, u.quiet)
		}
		e.Report(x.lease, x.method, string(x.outcome.Route))
	}
	return e
}

// connection returns a connection to the claimed instance: an idle one if there is one
// and fresh is false, or a new one.
func (x *exchange) connection(fresh bool) (*upstream, error) {
	to := x.lease.Endpoint()
	if !fresh {
		if u := x.lane.pool.get(to, policy.Idempotent(x.method)); u != nil {
			x.app.Connections().Reused.Add(x.outcome.Shard, 1)
			return u, nil
		}
	}
	u, err := x.dial()
	if err != nil {
		return nil, &policy.ConnectError{Cause: err}
	}
	x.app.Connections().Opened.Add(x.outcome.Shard, 1)
	return u, nil
}

// dial makes a connection to the claimed instance. It ends when the exchange is halted.
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
	u, err := x.lane.pool.connect(ctx, x.lease.Endpoint(), x.app)
	x.mu.Lock()
	x.cancel = nil
	x.mu.Unlock()
	return u, err
}

// checkAlive waits until it is known how the claimed instance ended, for as long as that
// may take, and returns whether the instance refuses connections. When an instance dies,
// the connections in its backlog break like those in use.
func (x *exchange) checkAlive() (connRefused bool) {
	u, err := x.dial()
	if err == nil {
		u.close()
	}
	if connRefused = policy.IsConnRefused(err); connRefused {
		x.lease.ConnRefused()
	}
	late := time.NewTimer(policy.DeathWithin)
	defer late.Stop()
	select {
	case <-x.lease.Ended():
	case <-x.wakeup:
	case <-late.C:
	}
	return connRefused
}

// send sends the head of the request with the content that came with it. It starts the
// upload of the other content, unless the client waits before it sends that.
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
		if errors.Is(err, h2c.ErrNoConnect) { // the instance is not to blame
			x.halt(policy.ErrNoWebSocket)
			return policy.ErrNoWebSocket
		}
		if u.sent.Load() == 0 {
			return x.sendError(err)
		}
		x.unsent(u, err) // the instance may have answered, and then closed the connection
		return nil
	}
	switch {
	case x.readsAll():
		x.sent(u)
	case x.expects && !x.asked:
		x.answerWithin(u, x.app.Continue().Wait())
	default:
		x.startUpload(u)
	}
	return nil
}

// connect begins an attempt on u. From now on halt closes u.
func (x *exchange) connect(u *upstream, began time.Time) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.connected = u
	x.sentAll, x.answering, x.sendErr = false, false, nil
	x.sentAt, x.answerBy = began, limit{}
	x.interim = 0
	return x.halted
}

// insertHost writes the host of the instance into a request that names none.
func (x *exchange) insertHost() {
	old := x.head
	host := x.lease.Endpoint().Host()
	x.head = forward.InsertHost(getBuffer(len(old) + len(host) + contentRoom)[:0], old, &x.marks, host)
	putBuffer(old[:cap(old)])
}

// sent is called when the whole request was sent. The time for the response begins.
func (x *exchange) sent(u *upstream) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sentAll, x.sentAt = true, time.Now()
	x.answerWithinLocked(u, x.timeout)
}

// unsent is called when the sending of the request has failed. The instance may have
// answered before. Nothing else is sent to it.
func (x *exchange) unsent(u *upstream, err error) {
	u.finish()
	x.mu.Lock()
	defer x.mu.Unlock()
	x.sendErr = x.sendError(err)
	if errors.Is(x.sendErr, context.DeadlineExceeded) && !x.answering {
		_ = u.conn.SetReadDeadline(longAgo) // the read reports the error
		return
	}
	x.answerWithinLocked(u, policy.LingerTimeout)
}

// sendError returns the error of the attempt for an error of sending.
func (x *exchange) sendError(err error) error {
	if isTimeout(err) {
		return &policy.TimeoutError{Limit: x.timeout, Sending: true}
	}
	return err
}

// timedOut returns the error of the attempt when the limit for the response is over.
func (x *exchange) timedOut() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.sendErr != nil { // the limit was that of unsent
		return fmt.Errorf("%w, and no response within %v: %w", x.sendErr, policy.LingerTimeout, context.DeadlineExceeded)
	}
	return &policy.TimeoutError{Limit: x.timeout}
}

// answerWithin limits the time for the head of the response, from now on. Zero is no
// limit.
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
	_ = u.conn.SetReadDeadline(x.answerBy.deadline()) // the read reports the error
}

// lostEnd returns the reason for an error of reading from the instance. The kernel
// reports a reset once: if the sending side got it, reads get a plain end afterwards. The
// sending side gets EPIPE instead if the instance had ended its side before, and then the
// end is a plain one.
func (x *exchange) lostEnd(err error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if errors.Is(err, io.EOF) && x.sendErr != nil && !errors.Is(x.sendErr, syscall.EPIPE) {
		return x.sendErr
	}
	return err
}
