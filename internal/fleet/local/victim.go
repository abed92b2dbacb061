package local

import (
	"slices"

	"github.com/dynlb/dynlb/internal/registry"
)

// candidate is a child that has not been told to go.
type candidate struct {
	*child
	state registry.State
}

// candidates returns them in the order of Snapshot.Leaving.
func (s *Fleet) candidates() []candidate {
	var out []candidate
	now := s.Registry.Snapshot()
	for _, in := range now.Leaving() {
		i := slices.IndexFunc(s.children, func(c *child) bool { return c.id == in.ID && c.phase <= phaseServing })
		if i >= 0 {
			out = append(out, candidate{s.children[i], in.State})
		}
	}
	return out
}

// victim returns the child to go next when there are too many: the first of the
// candidates, but among those in the same state one that is to be replaced before
// one that is not. It must only be called when there is a candidate.
func (s *Fleet) victim() *child {
	all := s.candidates()
	for _, c := range all {
		if c.state == all[0].state && s.outdated(c.child) {
			return c.child
		}
	}
	return all[0].child
}
