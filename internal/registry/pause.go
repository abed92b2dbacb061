package registry

import (
	"errors"
	"fmt"
)

// ErrPaused reports that a request got no instance because of Pause. The error is also
// ErrQueueFull or ErrQueueTimeout, which says what bounded its wait.
var ErrPaused = errors.New("the app is paused")

// Pause has requests wait in the queue, as if no instance were free, until Resume. The
// limits of the queue hold. Leases stay valid. It reports whether that changes anything.
func (r *Registry) Pause() bool { return r.setPaused(true) }

// Resume ends a pause. It reports whether there was one.
func (r *Registry) Resume() bool { return r.setPaused(false) }

func (r *Registry) setPaused(paused bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.paused == paused {
		return false
	}
	r.paused = paused
	r.queue.flow, r.queue.stands = flow{began: r.elapsed()}, false // the pause says nothing about the instances
	r.dispatchLocked()
	r.changedLocked()
	return true
}

// pausedLocked returns the error for a request that is refused with cause, which is the
// pause if there is one.
func (r *Registry) pausedLocked(cause error) error {
	if !r.paused {
		return cause
	}
	return fmt.Errorf("%w: %w", ErrPaused, cause)
}
