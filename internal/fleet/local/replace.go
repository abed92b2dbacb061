package local

import (
	"fmt"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// Replace replaces one instance, as the limits of requests and age do. See
// [fleet.Fleet].
func (f *Fleet) Replace(id registry.ID, reason string) error {
	err := fmt.Errorf("replace instance: %w", registry.ErrClosed)
	f.call(func() {
		if !f.stopping {
			err = f.outdate(id, reason)
		}
	})
	return err
}

// outdate makes the child outdated. It runs in the loop.
func (f *Fleet) outdate(id registry.ID, reason string) error {
	for _, c := range f.children {
		switch {
		case c.id != id:
		case c.phase != phaseServing:
			return fleet.ErrNotServing
		case f.outdated(c):
			return nil
		default:
			f.recycled++
			c.recycleReason, c.recycleTurn = reason, f.recycled
			c.log.Info("instance to be replaced", "reason", reason)
			return nil
		}
	}
	return fleet.ErrNoInstance
}
