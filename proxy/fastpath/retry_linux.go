package fastpath

import (
	"syscall"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// broke is called when the connection to the instance broke before the head of
// a response was complete.
func (x *exchange) broke(cause error) {
	x.dropResponse()
	x.failed(&policy.BrokenError{
		Cause: cause, Sent: x.sent > 0, Received: x.received, Reused: x.reused,
		Implicated: x.lease.Implicated(),
		After:      time.Duration(x.loop.now - x.sentAt),
	})
}

// failed ends an attempt.
func (x *exchange) failed(err error) {
	x.dropUpstream()
	x.follow(x.attempts.Next(err))
}

// follow carries out what was decided after a failed attempt.
func (x *exchange) follow(d policy.Decision) {
	d.Report(x.lease)
	switch d.Step {
	case policy.Resend:
		x.connect(connecting)
	case policy.Another:
		x.claimAnother()
	case policy.CheckAlive:
		x.connect(checking)
	default:
		x.fail(d.Err)
	}
}

// checked is the state of a connection that is made to see whether the instance
// is alive.
func (x *exchange) checked() {
	u := x.upstream
	errno := u.fd.failure()
	if errno == 0 && u.ready&(writable|broken) == 0 && u.timer.at != 0 {
		return
	}
	x.dropUpstream()
	x.checkedFor(errno == syscall.ECONNREFUSED)
}

// checkedFor goes on when it is known whether the instance refuses connections.
func (x *exchange) checkedFor(refused bool) {
	if refused {
		x.follow(x.attempts.Checked(policy.Refusing))
		return
	}
	x.deadBy = x.loop.now + int64(policy.DeathWithin)
	x.askDead()
}

// askDead asks, each tick, whether the instance is known to be dead. It is the
// one thing a loop polls for, and only a request whose instance failed does so.
func (x *exchange) askDead() {
	select {
	case <-x.lease.Dead():
		x.follow(x.attempts.Checked(policy.Dead))
		return
	default:
	}
	if x.loop.now >= x.deadBy {
		x.follow(x.attempts.Checked(policy.Alive))
		return
	}
	x.loop.wheel.set(&x.timer, x.loop.now+1)
}
