package registry

import (
	"cmp"
	"slices"
)

// Leaving returns the instances in the order in which they go when there are too
// many, without those that are draining and so going already. It is the one rule
// of who goes first: whoever runs the instances removes them in this order, and
// whoever decides how many may go counts in it. The instances are those in s.
//
// First goes one that serves nobody yet, then one that serves nobody now, then
// the one with the least requests in flight, then the one that was started last:
// among idle ones requests go to the first in start order, so the last has been
// idle the longest.
func (s *Snapshot) Leaving() []*Instance {
	out := make([]*Instance, 0, len(s.Instances))
	for i := range slices.Backward(s.Instances) {
		if in := &s.Instances[i]; in.State != Draining {
			out = append(out, in)
		}
	}
	slices.SortStableFunc(out, func(a, b *Instance) int {
		return cmp.Or(
			cmp.Compare(a.State.worth(), b.State.worth()),
			cmp.Compare(a.InFlight, b.InFlight),
		)
	})
	return out
}

// worth orders states by how much is lost when an instance in it goes.
func (s State) worth() int {
	switch s {
	case Ready:
		return 2
	case Unhealthy:
		return 1
	default: // serves nobody yet
		return 0
	}
}
