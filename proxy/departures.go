package proxy

import (
	"context"

	"github.com/dynlb/dynlb/internal/registry"
)

// dropper keeps connections to instances.
type dropper interface {
	// Drop closes the idle connections to endpoint, and makes that those in use are
	// closed and not kept when they become idle.
	Drop(endpoint registry.Endpoint)
}

// followDepartures tells droppers of each instance that leaves service, as it
// drains, is unhealthy or gone: it may be about to stop, and would wait for idle
// connections. It returns when ctx ends.
func followDepartures(ctx context.Context, r *registry.Registry, droppers ...dropper) {
	changed, stop := r.Watch()
	defer stop()
	serving := map[registry.ID]registry.Endpoint{} // where those that were are reached
	for seen := uint64(0); ; {
		if next := r.Changes(); next != seen {
			seen = next
			serving = dropDeparted(r, serving, droppers)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// dropDeparted drops those of before that do not serve any more, and returns who
// does.
func dropDeparted(r *registry.Registry, before map[registry.ID]registry.Endpoint, droppers []dropper) map[registry.ID]registry.Endpoint {
	now := r.Snapshot()
	serving := make(map[registry.ID]registry.Endpoint, len(now.Instances))
	for i := range now.Instances {
		if in := &now.Instances[i]; in.State.Routable() {
			serving[in.ID] = in.Endpoint
		}
	}
	for id, endpoint := range before {
		if serving[id] == endpoint {
			continue
		}
		for _, d := range droppers {
			d.Drop(endpoint)
		}
	}
	return serving
}

// droppers returns what keeps connections to instances.
func (p *Proxy) droppers() []dropper {
	droppers := []dropper{&p.conduct, p.std} // first: the lanes ask it when they make connections
	if p.fast != nil {
		droppers = append(droppers, p.fast)
	}
	return droppers
}
