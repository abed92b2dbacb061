package notice

import "sync/atomic"

// SavedJournal is the journal of a Board that has ended, for that of another process: a reader
// that knows the events up to one goes on there.
type SavedJournal struct {
	First  uint64  `json:"first,omitempty"` // the last number before the first event
	Events []Event `json:"events,omitempty"`
}

// SaveJournal returns the journal. Call it when no more events are recorded.
func (b *Board) SaveJournal() SavedJournal {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := SavedJournal{First: b.first}
	events, lost := b.journal.since(0)
	if lost > 0 {
		s.First = events[0].Sequence - 1 // what was between is lost
	}
	for i := range events {
		events[i].Time = events[i].Time.Round(0) // without the reading of the monotonic clock
	}
	s.Events = events
	return s
}

// RestoreJournal goes on with the journal of another process. Call it before an event is
// recorded.
func (b *Board) RestoreJournal(s SavedJournal) {
	if len(s.Events) == 0 && s.First == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.first = s.First
	for i := range s.Events {
		b.journal.add(s.Events[i])
		raise(&b.sequence.last, s.Events[i].Sequence)
	}
}

// raise sets a number to a higher one.
func raise(n *atomic.Uint64, to uint64) {
	for {
		before := n.Load()
		if before >= to || n.CompareAndSwap(before, to) {
			return
		}
	}
}

// lastLocked returns the Sequence of the newest event, or a number that those to come are
// above.
func (b *Board) lastLocked() uint64 {
	if b.journal.next == 0 {
		return b.first
	}
	return b.journal.ring[(b.journal.next-1)%uint64(len(b.journal.ring))].Sequence
}
