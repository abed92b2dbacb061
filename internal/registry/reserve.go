package registry

// Reserve makes a reserve of the n instances that were started last. They get a request
// only when every other instance has at least bound requests in flight. So they become
// idle, the last one first, and can be removed, and they are available at once when the
// load rises. With n zero there is no reserve.
func (r *Registry) Reserve(n, bound int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reserved, r.reserveBound = n, int32(min(max(1, bound), maxWeighted))
	r.weighAllLocked()
}

// maxWeighted bounds what an instance counts beside its requests in flight, so that
// the sum does not overflow.
const maxWeighted = 1 << 16

// weighAllLocked determines the handicap of every instance.
func (r *Registry) weighAllLocked() {
	kept := max(1, len(r.candidates)-r.reserved)
	now := r.elapsed()
	grown := r.grownLocked(now)
	for i, in := range r.candidates {
		in.traffic.handicap = in.failures.penalty() + max(0, in.traffic.slow-1, r.youngLocked(in, now, grown))
		if i >= kept {
			in.traffic.handicap += r.reserveBound * int32(i-kept+1)
		}
	}
	for _, in := range r.split.staged { // how they compare is to be found out
		in.traffic.handicap, in.traffic.slow = in.failures.penalty(), 0
	}
	r.plantLocked()
}
