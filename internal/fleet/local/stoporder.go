package local

import (
	"cmp"
	"slices"

	"github.com/dynlb/dynlb/internal/registry"
)

// activeChild is an active child and its state in the registry.
type activeChild struct {
	*child
	state registry.State
}

// inStopOrder returns the active children in the order of registry.Snapshot.RemovalOrder.
func (f *Fleet) inStopOrder() []activeChild {
	var out []activeChild
	now := f.Registry.Snapshot()
	for _, in := range now.RemovalOrder() {
		i := slices.IndexFunc(f.children, func(c *child) bool { return c.id == in.ID && c.active() })
		if i >= 0 {
			out = append(out, activeChild{f.children[i], in.State})
		}
	}
	return out
}

// inReplaceOrder returns the active children in stop order. Without a rollout, those
// that are to be recycled are in the order in which that was decided: the reason of a
// new instance names the one that it replaces.
func (f *Fleet) inReplaceOrder() []activeChild {
	all := f.inStopOrder()
	if f.rollout == nil {
		slices.SortStableFunc(all, func(a, b activeChild) int { return cmp.Compare(a.recycleTurn, b.recycleTurn) })
	}
	return all
}

// nextToStop returns the child that is stopped first when there are more than the
// target: the first in stop order, or an outdated one in the same state. There must
// be an active child.
func (f *Fleet) nextToStop() *child {
	all := f.inStopOrder()
	for _, c := range all {
		if c.state == all[0].state && f.outdated(c.child) {
			return c.child
		}
	}
	return all[0].child
}
