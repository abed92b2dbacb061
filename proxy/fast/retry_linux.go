package fast

import (
	"syscall"

	"github.com/dynlb/dynlb/proxy/policy"
)

// broke ends an attempt whose connection broke before the head of a response was
// complete.
func (r *request) broke(cause error) {
	r.response.dropHead()
	e := &policy.BrokenError{
		Cause: cause, Sent: r.sentHead > 0, Received: r.response.receiving == readingHead,
		Reused: r.upstream.used, Implicated: r.lease.Implicated(), After: r.worker.since(r.sentAt),
	}
	r.app.Connections().Broken.Add(r.worker.shard, 1)
	r.app.IdleTime().Broke(e, r.upstream.rested)
	e.Report(r.lease, string(r.outcome.Method), string(r.outcome.Route))
	r.failed(e)
}

// failed ends an attempt, and follows the decision of the policy.
func (r *request) failed(err error) {
	r.dropUpstream()
	r.follow(r.attempts.Next(err))
}

// follow carries out what was decided after an attempt has failed.
func (r *request) follow(d policy.Decision) {
	d.Report(r.lease)
	switch d.Step {
	case policy.Resend:
		r.attempt = attemptConnecting
		r.connect(connecting)
	case policy.Another:
		r.claimAnother()
	case policy.CheckAlive:
		r.attempt = attemptChecking
		r.connect(checking)
	default:
		r.fail(d.Err)
	}
}

// checkInstanceAlive waits for a connection that is made only to see whether the
// instance is alive. The broken connection does not show that: a connection in the
// backlog of an instance that dies breaks like one in use.
func (r *request) checkInstanceAlive(expired bool) {
	u := r.upstream
	errno := u.Socket().Failure()
	if errno == 0 && !u.Writable() && !u.Broken() && !expired {
		return
	}
	r.dropUpstream()
	r.checked(errno == syscall.ECONNREFUSED)
}

// checked goes on when it is known whether the instance refuses connections. The
// registry may learn soon how it ended.
func (r *request) checked(connRefused bool) {
	if connRefused {
		r.lease.ConnRefused()
	}
	r.connRefused, r.endsBy = connRefused, r.worker.loop.Now()+int64(policy.DeathWithin)
	r.askEnded()
}

// askEnded asks the registry, each tick, whether the instance has ended. It is the
// only polling in a loop, and only for a request whose instance failed.
func (r *request) askEnded() {
	now := r.worker.loop.Now()
	select {
	case <-r.lease.Ended():
	default:
		if now < r.endsBy {
			r.worker.loop.SetTimer(&r.timer, now+1)
			return
		}
	}
	r.follow(r.attempts.Conclude(r.lease, r.connRefused))
}
