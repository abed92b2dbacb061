package main

import (
	"slices"
	"time"
)

// finish takes c's complete answer, and begins what comes next on c.
func (e *engine) finish(c *loadConn) {
	if len(c.unsent) > 0 {
		e.fail(c, errEarly)
		return
	}
	now := time.Now()
	if e.phase == phaseWindow {
		e.result.Requests++
	}
	if e.counts(c) {
		e.latency.record(now.Sub(c.begin))
	}
	switch {
	case !c.answer.again, e.workload.fresh:
		c.state = connLast
	case e.schedule != nil:
		e.release(c)
	case e.phase == phaseOver:
		c.state = connFree
	default:
		c.begin = now
		if err := e.send(c); err != nil {
			e.fail(c, err)
		}
	}
}

// counts reports whether the latency of c's request belongs to the window. In an
// open loop that is so when it was due there, however late its answer: or the
// slowest would not count.
func (e *engine) counts(c *loadConn) bool {
	if e.schedule == nil {
		return e.phase == phaseWindow
	}
	return e.phase != phaseWarmup && e.inWindow(c.begin)
}

// inWindow reports whether t is in the window, as far as that has come.
func (e *engine) inWindow(t time.Time) bool {
	return !t.Before(e.meters.begin.at) && (e.phase == phaseWindow || t.Before(e.meters.end.at))
}

// due reports whether the schedule has requests left to send: when the window is
// over, those that were due in it.
func (e *engine) due() bool {
	return e.phase != phaseOver || e.schedule.next.Before(e.meters.end.at)
}

// sendDue sends all requests that are due, as far as there are free connections.
func (e *engine) sendDue() {
	if e.schedule == nil {
		return
	}
	for len(e.free) > 0 && e.due() {
		now := time.Now()
		if now.Before(e.schedule.next) {
			return
		}
		c := e.free[0]
		e.free = slices.Delete(e.free, 0, 1)
		c.begin = e.schedule.next
		e.schedule.advance()
		if e.phase == phaseWindow {
			e.late.record(now.Sub(maxTime(c.begin, c.freeAt)))
		}
		if err := e.send(c); err != nil {
			e.fail(c, err)
		}
	}
}

// release makes c free for the next request that is due.
func (e *engine) release(c *loadConn) {
	c.state, c.freeAt = connFree, time.Now()
	e.free = append(e.free, c)
}

// unfree takes c from the free ones, if it is there.
func (e *engine) unfree(c *loadConn) {
	if e.schedule != nil {
		e.free = slices.DeleteFunc(e.free, func(f *loadConn) bool { return f == c })
	}
}

// unfinished reports whether there is something to wait for after the window.
func (e *engine) unfinished() bool {
	if e.schedule != nil && e.due() && !e.allGaveUp() {
		return true
	}
	return slices.ContainsFunc(e.conns, func(c loadConn) bool { return c.state == connBusy })
}

func (e *engine) allGaveUp() bool {
	return !slices.ContainsFunc(e.conns, func(c loadConn) bool { return c.state != connDead })
}

// timeOut counts what was not answered by the deadline.
func (e *engine) timeOut() {
	for i := range e.conns {
		if c := &e.conns[i]; c.state == connBusy {
			e.note(c, errTimeout)
		}
	}
	for e.schedule != nil && e.due() { // was never sent
		e.note(&e.conns[0], errTimeout)
		e.schedule.advance()
	}
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
