package registry

import "time"

// EventType is a kind of Event.
type EventType uint8

// The kinds of events. The zero value is none of them.
const (
	EventScaled       EventType = iota + 1 // the target changed
	EventStarting                          // an instance was started
	EventReady                             // an instance may get requests
	EventUnhealthy                         // an instance failed its health checks
	EventDraining                          // an instance gets no new requests any more
	EventStopped                           // an instance is gone
	EventStartFailed                       // an instance could not be started
	EventReloaded                          // the configuration was put in force
	EventReloadFailed                      // what the configuration says now is not in force
)

// Event is something that happened.
type Event struct {
	Time   time.Time
	Type   EventType
	ID     ID     // "" when it concerns the pool
	Reason string // why, with the figures it was decided on
}

// journalSize is how many events are kept for watchers that are behind: the
// starts, readies, drains and stops of 64 instances.
const journalSize = 256

// journal is a ring of the last events.
type journal struct {
	ring [journalSize]Event
	next uint64 // sequence number of the next event
}

// Events returns the events from sequence number since on, oldest first, the
// sequence number to ask with next, and how many were lost because too many
// came in between. Ask with NextEvent's number to get only what comes after.
func (r *Registry) Events(since uint64) (events []Event, next, lost uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	j := &r.journal
	if j.next > since+journalSize {
		lost = j.next - since - journalSize
		since += lost
	}
	for ; since < j.next; since++ {
		events = append(events, j.ring[since%journalSize])
	}
	return events, j.next, lost
}

// NextEvent returns the sequence number that the next event will have.
func (r *Registry) NextEvent() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.journal.next
}

// Watch returns a channel that gets a value after a change of the instances,
// of the fleet's own words, or from nobody waiting to somebody waiting. Changes
// that come before the value is read are one value. Requests in flight and load
// are not announced. Call stop when done.
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

func (r *Registry) recordLocked(kind EventType, id ID, reason string) {
	j := &r.journal
	j.ring[j.next%journalSize] = Event{Time: time.Now(), Type: kind, ID: id, Reason: reason}
	j.next++
	r.notifyLocked()
}

func (r *Registry) notifyLocked() {
	for c := range r.watchers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

// eventOf returns the kind of event that reaching a state is.
func eventOf(s State) EventType {
	switch s {
	case Ready:
		return EventReady
	case Unhealthy:
		return EventUnhealthy
	case Draining:
		return EventDraining
	case Stopped:
		return EventStopped
	default:
		return EventStarting
	}
}
