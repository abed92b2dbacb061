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

// expire closes the connections that were idle for too long, and ends the rests that
// have lasted long enough.
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

// staleLocked closes a connection that was idle for too long. It reports whether it
// did.
func (p *pool) staleLocked(u *upstream, now time.Time) bool {
	if now.Before(u.due) {
		return false
	}
	if stray, _ := u.prober.ask(); stray {
		p.stray(u)
	}
	u.close()
	return true
}

// restedLocked ends the rest of a connection that has lasted long enough. It reports
// whether it did.
func (p *pool) restedLocked(u *upstream, now time.Time) bool {
	if now.Before(u.due) {
		return false
	}
	stray, err := u.prober.ask()
	u.host.tidy.Rested(err == nil)
	switch {
	case err == nil:
		u.due = now.Add(policy.StaleAfter - policy.Settle)
		u.host.idle = append(u.host.idle, u)
	case stray:
		p.stray(u)
		fallthrough
	default:
		u.close()
	}
	return true
}
