package notice

import (
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// EventType is a kind of Event.
type EventType uint8

// The kinds of events. The zero value is none of them.
const (
	Scaled        EventType = iota + 1 // the target changed
	Starting                           // an instance was started
	Ready                              // an instance may get requests
	Unhealthy                          // an instance gets no requests until it is ready again
	Draining                           // an instance gets no new requests
	Stopped                            // an instance is gone
	StartFailed                        // an instance could not be started
	Reloaded                           // the configuration was put in force
	ReloadFailed                       // the configuration was rejected
	Braked                             // a limit of the machine keeps the target from rising
	Exited                             // an instance stopped unasked, or could not be started
	Deploying                          // a deploy began
	Deployed                           // a deploy has succeeded
	DeployFailed                       // a deploy has ended, and the version before it stays
	UncleanEnd                         // the dynlb before this one has ended without a shutdown
	Upgraded                           // another binary of dynlb serves
	UpgradeFailed                      // an upgrade has changed nothing, or was taken back
)

// Event is something that happened.
type Event struct {
	Time   time.Time
	Type   EventType
	ID     registry.ID // "" when the event is about the app as a whole
	Reason string      // why, with the figures it was decided on
	Rule   string      // of Scaled: which rule decided; see package autoscaler
	Output []string    // of Exited: the last lines it wrote, oldest first
	// Version is that of the app which the instance ran; of Exited.
	Version string
	// Sequence is its place among the events of all apps. It rises from event to event.
	Sequence uint64
}

// Sequence numbers the events of all apps. Its methods are safe for concurrent use.
type Sequence struct{ last atomic.Uint64 }

// NewSequence returns a Sequence whose numbers are above last. They are also above those
// of earlier processes, whatever last is: they begin with the number of milliseconds since
// 1970, and no process has a thousand events a second for long.
func NewSequence(last uint64) *Sequence {
	s := new(Sequence)
	s.last.Store(max(last, uint64(time.Now().UnixMilli()))) // after 1970
	return s
}

func (s *Sequence) next() uint64 { return s.last.Add(1) }

const (
	// minJournal is how many events are kept for readers that are behind: the starts,
	// readies, drains and stops of 64 instances.
	minJournal = 256
	// maxJournal bounds what is kept of more frequent events. An event takes 120 bytes,
	// and its texts.
	maxJournal = 4096
	// journalTime is how long an event is kept at least, as long as there are no more than
	// maxJournal of them: a thousand events a second for readers that look once a second.
	journalTime = 4 * time.Second
)

// journal is a ring of the last events. It grows when they are frequent.
type journal struct {
	ring []Event // event number n is at n % len(ring)
	next uint64  // number of the next event
}

// add adds an event.
func (j *journal) add(event Event) {
	if size := uint64(len(j.ring)); size == 0 {
		j.ring = make([]Event, minJournal)
	} else if oldest := &j.ring[j.next%size]; j.next >= size && size < maxJournal && event.Time.Sub(oldest.Time) < journalTime {
		j.grow()
	}
	j.ring[j.next%uint64(len(j.ring))] = event
	j.next++
}

// grow doubles the ring.
func (j *journal) grow() {
	old := j.ring
	size := uint64(len(old))
	j.ring = make([]Event, 2*size)
	for n := j.next - size; n < j.next; n++ {
		j.ring[n%(2*size)] = old[n%size]
	}
}

// since returns the events from sequence number first on, oldest first, and how
// many of them have been overwritten.
func (j *journal) since(first uint64) (events []Event, lost uint64) {
	size := uint64(len(j.ring))
	if j.next > first+size {
		lost = j.next - first - size
		first += lost
	}
	for ; first < j.next; first++ {
		events = append(events, j.ring[first%size])
	}
	return events, lost
}

func (b *Board) recordLocked(kind EventType, id registry.ID, reason string) {
	b.appendLocked(Event{Time: time.Now(), Type: kind, ID: id, Reason: reason})
}

func (b *Board) appendLocked(event Event) {
	event.Sequence = b.sequence.next()
	b.journal.add(event)
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
