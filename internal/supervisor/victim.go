package supervisor

import (
	"slices"

	"github.com/dynlb/dynlb/internal/registry"
)

// victim returns the child to go next when there are too many: the first in the
// order of Snapshot.Leaving, but among those in the same state one that is to be
// replaced before one that is not. It must only be called when there is a child
// that has not been told to go.
func (s *Supervisor) victim() *child {
	var first *child
	var state registry.State
	now := s.Registry.Snapshot()
	for _, in := range now.Leaving() {
		i := slices.IndexFunc(s.children, func(c *child) bool { return c.id == in.ID && c.phase <= phaseServing })
		if i < 0 {
			continue
		}
		c := s.children[i]
		if first == nil {
			first, state = c, in.State
		}
		if in.State != state {
			break
		}
		if s.outdated(c) {
			return c
		}
	}
	return first
}
