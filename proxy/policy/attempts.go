package policy

import (
	"context"
	"errors"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

const (
	// MaxClaims bounds how many instances a request is tried on. No instance that
	// refuses a connection is claimed twice. So a request succeeds although nine
	// instances have died unnoticed. It bounds also how often a request is sent again to
	// instances that it was tried on: one of HTTP/2 may end each connection before it takes
	// the request, while other requests make new ones.
	MaxClaims = 10
	// ResendWithin bounds the time from the sending of a request to the break of its
	// connection within which the request is sent again. A connection that the instance
	// had closed before breaks within a round trip. One that lasts longer was closed on
	// purpose, as Bun does when a handler is silent for 10 s.
	ResendWithin = 5 * time.Second
	// DeathWithin bounds the wait, after a connection to an instance broke, for the
	// registry to know that the instance has died, and how. The kernel closes its sockets
	// one after the other, and perhaps the listening one last. That takes 10 ms, and more
	// than 150 ms on a busy machine.
	DeathWithin = 500 * time.Millisecond
)

// Step is what a lane does after an attempt has failed.
type Step uint8

// The steps.
const (
	// Fail: the request fails with Decision.Err; see FaultOf.
	Fail Step = iota
	// Resend: send the request to the same instance, on a new connection. If the
	// instance is gone, connecting shows it.
	Resend
	// Another: claim another instance, or any if there is no other, and send the
	// request to that one.
	Another
	// CheckAlive: find out whether the instance is alive, and how it ended. Connect to
	// it, close the connection unused, and wait until registry.Lease.Ended is closed, for
	// DeathWithin at most. Then call Attempts.Conclude.
	CheckAlive
)

// Liveness is what CheckAlive finds out about an instance.
type Liveness uint8

// The findings.
const (
	// Alive: it is not known to be dead.
	Alive Liveness = iota
	// Dead: the registry knows that it is gone.
	Dead
	// ConnRefused: it refuses connections, so nothing listens at its endpoint.
	ConnRefused
	// Ended: it ended by itself, and the request is the reason.
	Ended
)

// Decision is what comes of a failed attempt.
type Decision struct {
	Step Step
	// Err is what the request fails with if Step is Fail.
	Err error
	// ConnRefused tells that the instance refused a connection.
	ConnRefused bool
	// Blame is what the instance did wrong, or "".
	Blame string
	// Unreachable tells that no connection could be made, so that the request is not
	// the reason of Blame.
	Unreachable bool
}

// Report tells the registry what the decision says against the instance. Call it
// once, before the step.
func (d Decision) Report(lease registry.Lease) {
	if d.ConnRefused {
		lease.ConnRefused()
	}
	switch {
	case d.Blame == "":
	case d.Unreachable:
		lease.Unreachable(d.Blame)
	default:
		lease.Failed(d.Blame)
	}
}

// Budget grants retries. A *registry.Registry is one.
type Budget interface {
	// Retry takes one retry from the budget. It reports whether there was one.
	Retry() bool
}

// Attempts decides, for one request, what to do when an attempt to have it
// answered fails. It is a value and allocates nothing; create one with Begin when
// the first instance is claimed.
//
// A request may go to another instance when the first one cannot have got any of it.
// A request that may have been delivered is sent again only if that does no harm: it
// is idempotent, has no content, and no byte of a response has come. Such a request is
// sent once more to the same instance if the connection had been idle, and once to
// another instance if the first one died. An instance that the fleet stopped does not count:
// after it the request may be sent to another instance once more, unless the request is
// implicated. But if the first instance ended by itself and had no other request
// (registry.Lease.Culprit), the request would end the other one too, and fails.
type Attempts struct {
	budget     Budget
	idempotent bool
	known      bool // the method is a standard one
	content    bool // the request has content
	claims     int
	resends    int
	delivered  bool         // an earlier attempt may have delivered it to the claimed instance
	resent     bool         // it was sent a second time to one instance
	movedOnce  bool         // it was sent to another instance after the first one died
	broken     *BrokenError // why it was sent a second time to one instance
	suspect    *BrokenError // why CheckAlive was the step; nil when it was not
}

// Begin returns the Attempts of a request with the given method, with or without
// content. budget is asked before each further attempt.
func Begin(method string, content bool, budget Budget) Attempts {
	return Attempts{budget: budget, idempotent: Idempotent(method), known: known(method), content: content, claims: 1}
}

// Claims returns how many instances the request was tried on.
func (a *Attempts) Claims() int { return a.claims }

// Checking reports whether the last step was CheckAlive.
func (a *Attempts) Checking() bool { return a.suspect != nil }

// Next decides what to do after an attempt has failed with err. That is a *ConnectError,
// a *BrokenError, context.Canceled if the client gave the request up, or another error
// whose cause is the request.
func (a *Attempts) Next(err error) Decision {
	connect, _ := errors.AsType[*ConnectError](err)
	broken, _ := errors.AsType[*BrokenError](err)
	retry := never
	switch {
	case errors.Is(err, context.Canceled):
	case connect != nil && connect.connRefused() && a.delivered && !a.movedOnce:
		a.suspect = a.broken // the connection broke because the instance died
		return Decision{Step: CheckAlive, ConnRefused: true}
	case connect != nil:
		retry = a.afterConnect(connect)
	case broken != nil:
		retry = a.afterBreak(broken)
		a.broken = broken
		if retry == never && !a.movedOnce && a.repeatable(broken) {
			a.suspect = broken
			return Decision{Step: CheckAlive}
		}
	}
	d := a.decide(err, retry, broken != nil && broken.Reused)
	d.ConnRefused = connect != nil && connect.connRefused()
	d.Unreachable = connect != nil
	d.Blame = a.blame(err)
	return d
}

// Conclude decides what to do after CheckAlive. connRefused tells that the instance
// refused the connection.
func (a *Attempts) Conclude(lease registry.Lease, connRefused bool) Decision {
	exit, culprit := lease.Culprit()
	if culprit {
		a.suspect.Exit = exit
		return a.Checked(Ended)
	}
	found := Alive
	select {
	case <-lease.Dead():
		found = Dead
	default:
	}
	if connRefused {
		found = ConnRefused
	}
	movedOnce := a.movedOnce
	d := a.Checked(found)
	if lease.StoppedByFleet() {
		a.movedOnce = movedOnce
	}
	return d
}

// Checked decides what to do after CheckAlive has found out whether the instance is
// alive.
func (a *Attempts) Checked(found Liveness) Decision {
	broken := a.suspect
	a.suspect = nil
	switch found {
	case Ended: // the registry knows already
		return Decision{Step: Fail, Err: broken}
	case Alive:
		d := a.decide(broken, never, broken.Reused)
		d.Blame = a.blame(broken)
		return d
	default:
		d := a.decide(broken, anotherOnce, broken.Reused)
		d.ConnRefused = found == ConnRefused
		return d
	}
}

// retry is whether and why a request may be tried once more.
type retry uint8

const (
	never       retry = iota
	freely            // the instance cannot have got any of it
	resendOnce        // the same instance may have got it: not a second time
	anotherOnce       // an instance that died may have got it: likewise
)

// afterConnect returns what may be done after connecting has failed.
func (a *Attempts) afterConnect(e *ConnectError) retry {
	if e.ours() {
		return never
	}
	return a.afterUnsent()
}

// afterBreak returns what may be done after a connection broke, if the instance is
// alive.
func (a *Attempts) afterBreak(e *BrokenError) retry {
	switch {
	case a.content && (e.Sent || e.Consumed):
		return never
	case !e.Sent && e.Reused:
		return freely
	case !e.Sent:
		return a.afterUnsent()
	case e.Reused && !a.resent && e.After < ResendWithin && a.repeatable(e):
		return resendOnce
	default:
		return never
	}
}

// afterUnsent returns whether the request may go to another instance after an attempt
// that has sent nothing.
func (a *Attempts) afterUnsent() retry {
	switch {
	case !a.delivered:
		return freely
	case a.movedOnce:
		return never
	default:
		return anotherOnce
	}
}

// repeatable reports whether the request may be sent again though it was sent:
// the instance had not begun to respond, nothing is missing that was not kept,
// and doing it twice does no harm.
func (a *Attempts) repeatable(e *BrokenError) bool {
	return !e.Received && !e.Implicated && !errors.Is(e, context.DeadlineExceeded) && !a.content && a.idempotent
}

// decide takes the step that retry allows, if there are instances and retries
// left. reused tells that the connection that broke had been idle.
func (a *Attempts) decide(err error, retry retry, reused bool) Decision {
	a.resent = a.resent || retry == resendOnce
	a.movedOnce = a.movedOnce || retry == anotherOnce
	same := reused && retry != anotherOnce
	if retry == never || same && a.resends >= MaxClaims || !same && a.claims >= MaxClaims || !a.budget.Retry() {
		return Decision{Step: Fail, Err: err}
	}
	if same {
		a.resends++
		a.delivered = a.delivered || retry == resendOnce
		return Decision{Step: Resend}
	}
	a.delivered = false
	a.claims++
	return Decision{Step: Another}
}
