package supervisor

import (
	"cmp"
	"slices"

	"github.com/dynlb/dynlb/internal/registry"
)

// victim returns the child to go next when there are too many: one that serves
// nobody yet rather than one that does, then one that is to be replaced, then the one with the least requests in
// flight, then the one that came last.
func (s *Supervisor) victim() *child {
	now := s.Registry.Snapshot()
	known := make(map[registry.ID]registry.Instance, len(now.Instances))
	for _, in := range now.Instances {
		known[in.ID] = in
	}
	var candidates []*child
	for _, c := range s.children {
		if c.phase <= phaseServing {
			candidates = append(candidates, c)
		}
	}
	slices.Reverse(candidates) // the last one first
	return slices.MinFunc(candidates, func(a, b *child) int {
		x, y := known[a.id], known[b.id]
		return cmp.Or(
			cmp.Compare(rank(x.State), rank(y.State)),
			cmp.Compare(s.age(a), s.age(b)),
			cmp.Compare(x.InFlight, y.InFlight),
		)
	})
}

// rank orders states by how little is lost when an instance in it goes.
func rank(s registry.State) int {
	switch s {
	case registry.Ready:
		return 2
	case registry.Unhealthy:
		return 1
	default: // starting, or not even registered
		return 0
	}
}
