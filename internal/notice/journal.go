package notice

import (
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// EventType is a kind of Event.
type EventType uint8

// The kinds of events. The zero value is none of them.
const (
	Scaled       EventType = iota + 1 // the target changed
	Starting                          // an instance was started
	Ready                             // an instance may get requests
	Unhealthy                         // an instance gets no requests until it is ready again
	Draining                          // an instance gets no new requests
	Stopped                           // an instance is gone
	StartFailed                       // an instance could not be started
	Reloaded                          // the configuration was put in force
	ReloadFailed                      // the configuration was rejected
	Braked                            // a limit of the machine keeps the target from rising
)

// Event is something that happened.
type Event struct {
	Time   time.Time
	Type   EventType
	ID     registry.ID // "" when the event is about the app as a whole
	Reason string      // why, with the figures it was decided on
	Rule   string      // of Scaled: which rule decided; see package autoscaler
}

// journalSize is how many events are kept for readers that are behind: the
// starts, readies, drains and stops of 64 instances.
const journalSize = 256

// journal is a ring of the last events.
type journal struct {
	ring [journalSize]Event
	next uint64 // sequence number of the next event
}

// since returns the events from sequence number first on, oldest first, and how
// many of them have been overwritten.
func (j *journal) since(first uint64) (events []Event, lost uint64) {
	if j.next > first+journalSize {
		lost = j.next - first - journalSize
		first += lost
	}
	for ; first < j.next; first++ {
		events = append(events, j.ring[first%journalSize])
	}
	return events, lost
}

func (b *Board) recordLocked(kind EventType, id registry.ID, reason string) {
	b.appendLocked(Event{Time: time.Now(), Type: kind, ID: id, Reason: reason})
}

func (b *Board) appendLocked(event Event) {
	j := &b.journal
	j.ring[j.next%journalSize] = event
	j.next++
	b.notifyLocked()
}

// eventOf returns the kind of event that reaching a state is.
func eventOf(s registry.State) EventType {
	switch s {
	case registry.Ready:
		return Ready
	case registry.Unhealthy:
		return Unhealthy
	case registry.Draining:
		return Draining
	case registry.Stopped:
		return Stopped
	default:
		return Starting
	}
}
