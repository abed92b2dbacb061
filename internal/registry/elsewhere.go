package registry

// Elsewhere is what another process has in flight at an instance.
type Elsewhere struct {
	InFlight int `json:"inFlight,omitempty"` // streams included
	Streams  int `json:"streams,omitempty"`
}

// SetElsewhere reports what another process has in flight: one that this process has
// taken over from, and that finishes what it has. It counts as in flight here until a
// later call for the same process says otherwise. Nil: that process has nothing.
func (r *Registry) SetElsewhere(process int, all map[ID]Elsewhere) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.instances {
		in.setElsewhereLocked(process, all[in.id])
	}
	r.dispatchLocked()
}

// setElsewhereLocked sets what one other process has in flight.
func (in *instance) setElsewhereLocked(process int, now Elsewhere) {
	before := in.elsewhere[process]
	if before == now {
		return
	}
	if in.elsewhere == nil {
		in.elsewhere = map[int]Elsewhere{}
	}
	if in.elsewhere[process] = now; now == (Elsewhere{}) {
		delete(in.elsewhere, process)
	}
	in.traffic.streams += int32(now.Streams - before.Streams)
	in.traffic.inFlight += int32(now.InFlight - before.InFlight)
	in.registry.weighedLocked(in)
	if in.traffic.inFlight == 0 {
		in.idleLocked(in.registry.elapsed())
	}
}

// InFlight returns what this process has in flight, without what other processes have.
// Instances without any are left out.
func (r *Registry) InFlight() map[ID]Elsewhere {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[ID]Elsewhere{}
	for _, in := range r.instances {
		if own := in.ownLocked(); own != (Elsewhere{}) {
			all[in.id] = own
		}
	}
	return all
}

// ownLocked returns what this process has in flight at the instance.
func (in *instance) ownLocked() Elsewhere {
	own := Elsewhere{int(in.traffic.inFlight - in.abroad.inFlight), int(in.traffic.streams - in.abroad.streams)}
	for _, other := range in.elsewhere {
		own.InFlight -= other.InFlight
		own.Streams -= other.Streams
	}
	return own
}

// Drained returns a channel that is closed when a draining instance has no request in
// flight; nil if there is no such instance.
func (r *Registry) Drained(id ID) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil || in.about.state != Draining {
		return nil
	}
	return in.drained
}
