package registry

import "math"

// pickLocked returns the instance that gets a request with preference p: the
// least loaded of the ready instances below the cap that rank highest, other
// than except. It returns nil when there is none.
func (r *Registry) pickLocked(p *Preference, except *instance) *instance {
	if len(r.split.staged) > 0 {
		return r.pickSplitLocked(p, except)
	}
	return r.bestLocked(r.candidates, p, except)
}

// bestLocked is pickLocked for the instances of a list.
func (r *Registry) bestLocked(list []*instance, p *Preference, except *instance) *instance {
	if p.Rank == nil && r.tree.first > 0 && len(r.split.staged) == 0 {
		return r.leastInTreeLocked(except)
	}
	if p.Rank == nil {
		return r.leastLoadedLocked(list, except)
	}
	highest := math.MinInt
	r.ranked = r.ranked[:0]
	for _, in := range list {
		if in == except || in.traffic.working() >= r.limit {
			continue
		}
		rank := p.Rank(p.Key, in.id)
		if rank > highest {
			highest, r.ranked = rank, r.ranked[:0]
		}
		if rank == highest {
			r.ranked = append(r.ranked, in)
		}
	}
	return r.leastLoadedLocked(r.ranked, nil)
}

// leastLoadedLocked returns the instance of list, other than except, that is
// below the cap and has the fewest requests in flight, or nil. Failures count as
// requests in flight (see failures): an instance that fails fast is never busy
// and would get all requests otherwise. Streams count only among instances with
// equally many other requests, so that they spread evenly.
//
// Among idle instances it returns the first in start order, so that the last
// ones stay idle and can be removed. Among equally busy ones it takes turns. A slow one
// gets a request only when the others are as slow, because they are busy.
func (r *Registry) leastLoadedLocked(list []*instance, except *instance) *instance {
	fewest := int64(math.MaxInt64)
	first, next := -1, -1 // instances with the fewest: the first of all, and the first from cursor on
	for i, in := range list {
		n := in.traffic.load()
		switch {
		case n > fewest, in == except:
		case n == 0:
			return in
		case n == idleLoad && n < fewest:
			fewest, first, next = n, i, i
		case in.traffic.working() >= r.limit:
		case n < fewest:
			fewest, first, next = n, i, -1
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
	if fewest == idleLoad {
		return list[first]
	}
	return r.takeLocked(list, next)
}

// leastInTreeLocked is leastLoadedLocked for all candidates.
func (r *Registry) leastInTreeLocked(except *instance) *instance {
	t := &r.tree
	if except != nil && r.inTreeLocked(except) {
		t.set(except.place, full)
		defer r.weighedLocked(except)
	}
	from := r.cursor
	idle := t.nodes[1] <= idleLoad
	if idle {
		from = 0
	}
	next := t.next(from)
	switch {
	case next < 0:
		return nil
	case idle:
		return r.candidates[next]
	default:
		return r.takeLocked(r.candidates, next)
	}
}

// takeLocked returns the busy instance of list that has its turn, or nil if it is not
// worth it.
func (r *Registry) takeLocked(list []*instance, next int) *instance {
	if in := list[next]; in.traffic.slow > 0 && !r.slowMayServeLocked(in) {
		return nil
	}
	r.cursor = next + 1
	return list[next]
}
