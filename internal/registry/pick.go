package registry

import "math"

// pickLocked returns the ready instance, other than except, with the least requests
// in flight that is below the cap, or nil. Failures count as requests in flight (see
// failures), so that one that fails fast, and so is never busy, does not get them all.
//
// Among idle ones it is the first in start order: the tail of the pool can go
// idle, and so be removed. Among equally busy ones they take turns.
func (r *Registry) pickLocked(except *instance) *instance {
	least := int32(math.MaxInt32)
	first, next := -1, -1 // with the least in flight: the first of all, and from cursor on
	for i, in := range r.ready {
		n := in.traffic.inFlight + in.traffic.penalty
		switch {
		case n > least, in == except:
		case n == 0:
			return in
		case in.traffic.inFlight >= r.limit:
		case n < least:
			least, first, next = n, i, -1
			if i >= r.cursor {
				next = i
			}
		case next < 0 && first >= 0 && i >= r.cursor:
			next = i
		}
	}
	if first < 0 {
		return nil
	}
	if next < 0 {
		next = first
	}
	r.cursor = next + 1
	return r.ready[next]
}
