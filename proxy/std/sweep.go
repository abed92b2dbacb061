package std

import (
	"slices"
	"time"

	"github.com/dynlb/dynlb/proxy/policy"
)

// sweepByLocked has expire called at the given time or earlier.
func (p *pool) sweepByLocked(due time.Time) {
	if !p.due.IsZero() && !due.Before(p.due) {
		return
	}
	p.due = due
	if p.sweep == nil {
		p.sweep = time.AfterFunc(time.Until(due), p.expire)
	} else {
		p.sweep.Reset(time.Until(due))
	}
}

// expire checks the idle connections that are due, closes those that were idle for too
// long, and ends the rests that have lasted long enough.
func (p *pool) expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.due = time.Time{}
	now := time.Now()
	for _, h := range p.hosts {
		h.idle = slices.DeleteFunc(h.idle, func(u *upstream) bool { return p.staleLocked(u, now) })
		h.resting = slices.DeleteFunc(h.resting, func(u *upstream) bool { return p.restedLocked(u, now) })
		for _, list := range [][]*upstream{h.idle, h.resting} {
			for _, u := range list {
				p.sweepByLocked(u.due)
			}
		}
	}
}

// staleLocked closes a connection that has ended, or that was idle for too long. It
// reports whether it did.
func (p *pool) staleLocked(u *upstream, now time.Time) bool {
	if now.Before(u.due) {
		return false
	}
	stray, err := u.prober.ask()
	if err != nil {
		p.ended(u, stray)
		return true
	}
	if u.checkAgain(now) {
		return false
	}
	u.close()
	return true
}

// checkAgain notes that an idle connection is open, and sets the time of the next check.
// It reports whether there is one. Each check comes after twice the idle time of the last
// one, so that the time at which a connection ended is known within that factor.
func (u *upstream) checkAgain(now time.Time) bool {
	keep := u.host.app.KeepAlive()
	u.quiet = now.Sub(u.used)
	u.host.app.IdleTime().Survived(u.quiet)
	u.due = u.used.Add(min(max(2*u.quiet, policy.Settle), keep))
	return u.quiet < keep
}

// restedLocked ends the rest of a connection that has lasted long enough. It reports
// whether it did.
func (p *pool) restedLocked(u *upstream, now time.Time) bool {
	if now.Before(u.due) {
		return false
	}
	stray, err := u.prober.ask()
	reuse := u.host.tidy.Rested(!u.bare, err == nil)
	switch {
	case err != nil:
		p.ended(u, stray)
	case !u.checkAgain(now) || !reuse || u.host.fullLocked():
		u.close()
	default:
		u.host.idle = append(u.host.idle, u)
	}
	return true
}
