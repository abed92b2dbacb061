package registry

import (
	"math"
	"time"
)

const (
	// toldLately is how old what a sibling has told of its queue may be to keep a place free
	// for it. It tells each millisecond or so while requests wait.
	toldLately = 20 * time.Millisecond
	// maxYield is how long places are kept free for siblings that do not take them: what they
	// know of the instances may be older.
	maxYield = 20 * time.Millisecond
)

// queueing reports whether requests wait for instances that may get them.
func (t *Report) queueing() bool { return t.Waiting > 0 && t.Usable > 0 }

// yieldsLocked reports whether the places that are free are for siblings: so many requests
// wait there that came before since. So the order in which requests came is nearly that of
// all dynlbs, and no place is kept free for longer than it takes to tell.
func (r *Registry) yieldsLocked(since time.Duration) bool {
	if r.abroad.queueing == 0 || r.limit == math.MaxInt32 {
		return false
	}
	now, before := r.elapsed(), 0
	for _, s := range r.siblings {
		if s.told.queueing() && now-s.at <= toldLately && s.at-s.told.Oldest < since {
			before += s.told.Waiting
		}
	}
	free := 0
	for _, in := range r.candidates {
		if free += max(0, int(r.limit-in.traffic.working())); free > before {
			break
		}
	}
	switch {
	case free == 0:
		r.yields = 0
		return true
	case free > before || r.yields > 0 && now-r.yields >= maxYield:
		r.yields = 0
		return false
	case r.yields == 0:
		r.yields = now
	}
	return true
}

// queueFullLocked reports whether no further request may wait. The limit is for all
// siblings together, of which each may use its part whatever the others have.
func (r *Registry) queueFullLocked() bool {
	n, limit, all := r.queue.size, r.options.QueueLimit, 1+len(r.siblings)
	return n >= limit || n+r.abroad.waiting >= limit && n >= (limit+all-1)/all
}
