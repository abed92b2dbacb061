package registry

// Observer learns about changes in a Registry, in the order in which they happen.
// The registry is locked during the calls, so the methods must not block and must
// not use it.
type Observer interface {
	// Moved is called when an instance has reached a state, with the reason for
	// people. The state is Unhealthy for an instance that was ejected, and Ready when
	// its ejection is over.
	Moved(id ID, to State, reason string)
	// Changed is called after every other change that Watch announces.
	Changed()
}

// Observe makes o the observer. There is one at a time; a later call replaces it.
func (r *Registry) Observe(o Observer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.observer = o
}

// Watch returns a channel that gets a value after a change of the instances, of
// the trouble, or from no waiting request to one. Changes that come before the
// value is read are one value. Requests in flight and load are not announced.
// Call stop when done.
func (r *Registry) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers[c] = struct{}{}
	return c, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.watchers, c)
	}
}

// Changes returns the number of changes of the instances so far: an instance was
// added, moved, ejected, or reported otherwise by its fleet. A watcher learns from
// it whether the change that was announced is one of these.
func (r *Registry) Changes() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.changes
}

// movedLocked announces that an instance reached a state.
func (r *Registry) movedLocked(id ID, to State, reason string) {
	r.changes++
	if r.observer != nil {
		r.observer.Moved(id, to, reason)
	}
	r.wakeLocked()
}

// changedLocked announces any other change.
func (r *Registry) changedLocked() {
	if r.observer != nil {
		r.observer.Changed()
	}
	r.wakeLocked()
}

// wakeLocked notifies the watchers.
func (r *Registry) wakeLocked() {
	for c := range r.watchers {
		select {
		case c <- struct{}{}:
		default: // the last value has not been read yet
		}
	}
}
