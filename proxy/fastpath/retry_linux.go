package fastpath

import (
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/internal/fault"
)

// broke is called when the exchange with the instance failed before a whole
// response header.
func (x *exchange) broke(cause error) {
	x.dropResponse()
	x.failed(&fault.BrokenError{
		Cause: cause, Sent: x.sent > 0, Received: x.received,
		After: time.Duration(x.loop.now - x.sentAt),
	})
}

// failed ends an attempt, and makes another one if that may be.
func (x *exchange) failed(err error) {
	reused := x.reused
	x.dropUpstream()
	retry := x.rules(reused).After(err)
	if retry == fault.Never && x.rules(false).AfterDeath(err) {
		x.interview(err)
		return
	}
	x.blame(err, reused)
	x.retry(err, retry, reused)
}

// retry makes another attempt after err, if that may be.
func (x *exchange) retry(err error, retry fault.Retry, reused bool) {
	x.resent = x.resent || retry == fault.Resend
	x.outlived = x.outlived || retry == fault.Outlive
	fresh := reused && retry != fault.Outlive
	if retry == fault.Never || !fresh && x.claims >= fault.MaxAttempts || !x.loop.engine.options.Registry.Retry() {
		x.fail(err)
		return
	}
	// When an idle connection turns out to be closed, the same instance gets a
	// new one: if it is gone, connecting shows it.
	if fresh {
		x.repeated = x.repeated || retry == fault.Resend
		x.connect(connecting)
		return
	}
	x.repeated = false
	x.claimAnother()
}

// rules are what decides about another attempt.
func (x *exchange) rules(reused bool) fault.Attempt {
	return fault.Attempt{
		Method: x.methodText(), Content: x.content, Untouched: x.sent == 0,
		Reused: reused, Sent: x.repeated, Resent: x.resent, Outlived: x.outlived,
		Implicated: x.lease.Implicated(),
	}
}

// blame holds against the instance what it did, if it was that.
func (x *exchange) blame(err error, reused bool) {
	if reason := x.rules(reused).Failure(err); reason != "" {
		x.lease.Failed(reason)
	}
}

// interview finds out whether the connection broke because the instance is
// gone, and the request may be sent to another: a connection in its backlog is
// broken like one in use. That it takes no new ones shows it, or else whoever
// runs it sees it soon.
func (x *exchange) interview(err error) {
	x.trouble, x.troubled = err, x.reused
	x.connect(interviewing)
}

// interviewed is the state of a connection that is made to see whether the
// instance is there.
func (x *exchange) interviewed() {
	u := x.upstream
	errno := u.fd.failure()
	if errno == 0 && u.ready&(writable|broken) == 0 && u.timer.at != 0 {
		return
	}
	x.dropUpstream()
	x.interviewedOn(errno == syscall.ECONNREFUSED)
}

// interviewedOn goes on when it is known whether the instance refuses
// connections.
func (x *exchange) interviewedOn(refused bool) {
	if refused {
		x.lease.Refused()
		x.judge(true)
		return
	}
	x.deadBy = x.loop.now + int64(fault.DeathWithin)
	x.inquire()
}

// inquire asks, each tick, whether the instance is known to be gone. It is the
// one thing a loop polls for, and a request that does so has lost its instance.
func (x *exchange) inquire() {
	select {
	case <-x.lease.Dead():
		x.judge(true)
		return
	default:
	}
	if x.loop.now >= x.deadBy {
		x.judge(false)
		return
	}
	x.loop.wheel.set(&x.timer, x.loop.now+1)
}

// judge goes on when it is known whether the instance is gone.
func (x *exchange) judge(died bool) {
	err, reused, retry := x.trouble, x.troubled, fault.Never
	x.trouble = nil
	if died {
		retry = fault.Outlive
	} else {
		x.blame(err, reused)
	}
	x.retry(err, retry, reused)
}
