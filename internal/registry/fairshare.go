package registry

import "math"

// queueing reports whether requests wait for instances that may get them.
func (t *Report) queueing() bool { return t.Waiting > 0 && t.Usable > 0 }

// yieldsLocked reports whether a place that is free is for a sibling: requests wait there,
// and this process has its part of all places. What it frees it would take again at once
// otherwise, and the requests of a sibling that has no place would wait without end.
func (r *Registry) yieldsLocked() bool {
	if r.abroad.queueing == 0 || r.limit == math.MaxInt32 {
		return false
	}
	places := len(r.candidates) * int(r.limit)
	return r.own >= max(1, places/(1+r.abroad.queueing))
}

// queueFullLocked reports whether no further request may wait. The limit is for all
// siblings together, of which each may use its part whatever the others have.
func (r *Registry) queueFullLocked() bool {
	n, limit, all := r.queue.size, r.options.QueueLimit, 1+len(r.siblings)
	return n >= limit || n+r.abroad.waiting >= limit && n >= (limit+all-1)/all
}
