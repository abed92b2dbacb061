package registry

import (
	"cmp"
	"slices"
)

// RemovalOrder returns the instances of s in the order in which they are removed
// when there are too many, without the draining and the staged ones. It is the only rule for that:
// the fleet removes instances in this order, and the autoscaler counts in it how
// many may be removed.
//
// Instances that have not served yet come first, then unhealthy ones, then ready ones.
// Ready ones with fewer streams come first, because streams may take long to end, and
// among these the ones with fewer requests in flight. Otherwise the one that was started
// last comes first: of idle instances, the first in start order gets the next request, so
// the last one has been idle the longest.
func (s *Snapshot) RemovalOrder() []*Instance {
	out := make([]*Instance, 0, len(s.Instances))
	for i := range slices.Backward(s.Instances) {
		if in := &s.Instances[i]; in.State != Draining && !in.Staged {
			out = append(out, in)
		}
	}
	slices.SortStableFunc(out, func(a, b *Instance) int {
		return cmp.Or(
			cmp.Compare(a.State.removalCost(), b.State.removalCost()),
			cmp.Compare(a.Streams, b.Streams),
			cmp.Compare(a.InFlight, b.InFlight),
		)
	})
	return out
}

// removalCost orders states by what is lost when an instance in it is removed.
func (s State) removalCost() int {
	switch s {
	case Ready:
		return 2
	case Unhealthy:
		return 1
	default: // Starting
		return 0
	}
}
