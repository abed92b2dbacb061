package registry

import "fmt"

// Transition moves an instance to state next, with a reason for people. A Ready
// instance gets waiting requests at once; a Stopped one is removed. It fails when
// the life cycle does not allow the step (see State.CanBecome), or with
// ErrUnknownInstance.
func (r *Registry) Transition(id ID, next State, reason string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return err
	}
	return r.transitionLocked(in, next, reason)
}

// Drain moves an instance to Draining, and returns a channel that is closed when the
// instance has no request in flight. An instance that is taken back into service as
// Ready gets another channel for its next drain. Drain fails as Transition does.
func (r *Registry) Drain(id ID, reason string) (<-chan struct{}, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	in, err := r.findLocked(id)
	if err != nil {
		return nil, err
	}
	return in.drained, r.transitionLocked(in, Draining, reason)
}

// transitionLocked is Transition for an instance that was found.
func (r *Registry) transitionLocked(in *instance, next State, reason string) error {
	if !in.about.state.CanBecome(next) {
		return fmt.Errorf("move instance %s from %v to %v: not in its life cycle", in.id, in.about.state, next)
	}
	about := *in.about
	about.state, about.reason = next, reason
	switch next {
	case Ready:
		if in.about.state == Draining {
			in.drained = make(chan struct{}) // for its next drain
		}
		if in.isDead() {
			in.dead = make(chan struct{})
		}
		now := r.now()
		if about.readyAt.IsZero() {
			about.readyAt = now
			r.boots.Observe(0, now.Sub(about.started))
		}
		// An instance that was unhealthy has been idle since before that.
		if in.traffic.inFlight == 0 && in.about.state != Unhealthy {
			in.traffic.idleSince = now.Sub(r.base)
		}
	case Draining:
		if in.traffic.inFlight == 0 {
			close(in.drained)
		}
	case Stopped:
		in.fleetStopped = in.about.state == Draining && !in.hasEnded()
		in.endLocked(Ending{Reason: reason})
		r.removeLocked(in)
		r.pastClaims += in.traffic.total
	default: // Unhealthy
	}
	in.about = &about
	r.updateCandidatesLocked()
	r.adaptLocked()
	r.movedLocked(in.id, next, reason)
	r.dispatchLocked()
	return nil
}
