package proxy

import (
	"context"

	"github.com/dynlb/dynlb/internal/registry"
)

// dropper keeps connections to instances.
type dropper interface {
	// Drop closes the idle connections to endpoint now, and the connections in use
	// when they become idle.
	Drop(endpoint registry.Endpoint)
}

// followDepartures drops the connections to each instance that leaves service: one that
// drains, is unhealthy, or is gone. An instance that stops gracefully would wait for its
// idle connections. followDepartures returns when ctx ends.
func followDepartures(ctx context.Context, r *registry.Registry, droppers ...dropper) {
	changed, stop := r.Watch()
	defer stop()
	serving := map[registry.ID]registry.Endpoint{} // the endpoints of the instances in service
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

// dropDeparted drops the endpoints in before that are not in service any more. It returns
// those that are.
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

// droppers returns all parts that keep connections to instances, or facts about them.
func (p *Proxy) droppers() []dropper {
	droppers := []dropper{&p.conduct, p.std} // conduct first: new connections look into it
	if p.fast != nil {
		droppers = append(droppers, p.fast)
	}
	return droppers
}
