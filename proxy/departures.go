package proxy

import (
	"sync"

	"github.com/dynlb/dynlb/internal/registry"
)

// dropper keeps connections to instances.
type dropper interface {
	// Drop closes the idle connections to endpoint now, and the connections in use
	// when they become idle.
	Drop(endpoint registry.Endpoint)
}

// departures follows the departures of the instances of all apps. Call init first.
type departures struct {
	droppers []dropper
	done     chan struct{} // closed by stop
	running  sync.WaitGroup

	mu       sync.Mutex
	followed map[*registry.Registry]bool
	stopped  bool
}

func (d *departures) init(droppers []dropper) {
	d.droppers, d.followed, d.done = droppers, map[*registry.Registry]bool{}, make(chan struct{})
}

// follow begins to follow the instances of an app, unless it does already.
func (d *departures) follow(r *registry.Registry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.followed[r] || d.stopped {
		return
	}
	d.followed[r] = true
	d.running.Go(func() { // ends with stop, which waits for it, or with the app
		followDepartures(d.done, r, d.droppers...)
		d.mu.Lock()
		defer d.mu.Unlock()
		delete(d.followed, r)
	})
}

// stop ends the following. It may be called again.
func (d *departures) stop() {
	d.mu.Lock()
	if !d.stopped {
		d.stopped = true
		close(d.done)
	}
	d.mu.Unlock()
	d.running.Wait()
}

// followDepartures drops the connections to each instance that leaves service: one that
// drains, is unhealthy, or is gone. An instance that stops gracefully would wait for its
// idle connections. followDepartures returns when done is closed, or when the app has ended:
// the registry is closed and has no instances.
func followDepartures(done <-chan struct{}, r *registry.Registry, droppers ...dropper) {
	changed, stop := r.Watch()
	defer stop()
	known := map[registry.ID]departure{}
	for seen := uint64(0); ; {
		if next := r.Changes(); next != seen {
			seen = next
			known = dropDeparted(r, known, droppers)
			if len(known) == 0 && r.Closed() {
				return
			}
		}
		select {
		case <-changed:
		case <-done:
			return
		}
	}
}

// departure is what followDepartures knows of an instance.
type departure struct {
	endpoint registry.Endpoint
	dropped  bool // since it was last in service
}

// dropDeparted drops the instances that have left service and were not dropped since
// they were in service, with those that came and left between two calls. It returns
// what is known of all instances that there are.
func dropDeparted(r *registry.Registry, before map[registry.ID]departure, droppers []dropper) map[registry.ID]departure {
	now := r.Snapshot()
	known := make(map[registry.ID]departure, len(now.Instances))
	drop := func(endpoint registry.Endpoint) {
		for _, d := range droppers {
			d.Drop(endpoint)
		}
	}
	for i := range now.Instances {
		in := &now.Instances[i]
		left := !in.State.Routable() && in.State != registry.Starting
		known[in.ID] = departure{in.Endpoint, left}
		if left && before[in.ID] != known[in.ID] {
			drop(in.Endpoint)
		}
	}
	for id, was := range before {
		if !was.dropped && known[id].endpoint != was.endpoint { // it is gone, or elsewhere
			drop(was.endpoint)
		}
	}
	return known
}

// droppers returns all parts that keep connections to instances, or facts about them.
func (p *Proxy) droppers() []dropper {
	droppers := []dropper{&p.conduct, p.std} // conduct first: new connections look into it
	if p.fast != nil {
		droppers = append(droppers, p.fast)
	}
	return droppers
}
