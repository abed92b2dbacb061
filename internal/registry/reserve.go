package registry

// Reserve keeps the n instances that were started last out of the picks as long as an
// instance before them has fewer than bound requests in flight, so that one after the
// other becomes idle, the last one first, and can be removed. They are there at once
// when the load rises. Zero ends that.
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
	for i, in := range r.candidates {
		in.traffic.handicap = in.failures.penalty() + max(0, in.traffic.slow-1)
		if i >= kept {
			in.traffic.handicap += r.reserveBound * int32(i-kept+1)
		}
	}
}
