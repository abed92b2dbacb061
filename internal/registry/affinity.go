package registry

// NameSelf says what this process is called among its siblings.
func (r *Registry) NameSelf(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.name = name
	r.shareOutLocked()
}

// shareOutLocked divides the instances among the siblings: of equally busy ones each chooses its
// own first. What a sibling has at an instance is known a moment later, so all would choose the
// same one otherwise.
func (r *Registry) shareOutLocked() {
	for _, in := range r.instances {
		r.assignLocked(in)
	}
	r.plantLocked()
}

// assignLocked gives an instance to the sibling, or this process, for which it has the highest
// hash. All siblings agree on that.
func (r *Registry) assignLocked(in *instance) {
	in.traffic.foreign = 0
	own := affinity(r.name, in.id)
	for name := range r.siblings {
		if affinity(name, in.id) > own {
			in.traffic.foreign = 1
			return
		}
	}
}

// affinity returns the hash of an instance and a sibling: FNV-1a, with the last step of
// SplitMix64, which spreads the bits.
func affinity(name string, id ID) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, part := range []string{name, string(id)} {
		for i := range len(part) {
			h = (h ^ uint64(part[i])) * 0x100000001b3
		}
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
