package notice

import "github.com/dynlb/dynlb/internal/registry"

// Snapshot is the app at one moment: instances, requests and report. It is the
// caller's own copy.
type Snapshot struct {
	registry.Snapshot
	Report
	// NextEvent is the sequence number of the first event after the snapshot.
	NextEvent uint64
	// LastEvent is the Sequence of the last event before the snapshot, or a number that is
	// below those of all events to come.
	LastEvent uint64
}

// Snapshot returns the app as it is now.
func (b *Board) Snapshot() Snapshot {
	var s Snapshot
	s.Snapshot = b.registry.SnapshotWith(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		s.Report, s.NextEvent, s.LastEvent = b.report, b.journal.next, b.lastLocked()
	})
	return s
}

// MeanLoad returns the load of the ready instances and of the requests that wait, for each
// ready instance; 0 if none is.
func (s *Snapshot) MeanLoad() float64 {
	ready, load := 0, float64(s.Waiting)
	for i := range s.Instances {
		if s.Instances[i].State == registry.Ready {
			ready++
			load += s.Instances[i].Load
		}
	}
	if ready == 0 {
		return 0
	}
	return load / float64(ready)
}

// Since returns the app as it is now, the events from sequence number first up
// to that moment, oldest first, and how many of them the journal no longer has.
// The snapshot's NextEvent is the number to ask with next.
func (b *Board) Since(first uint64) (s Snapshot, events []Event, lost uint64) {
	s.Snapshot = b.registry.SnapshotWith(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		s.Report, s.NextEvent, s.LastEvent = b.report, b.journal.next, b.lastLocked()
		events, lost = b.journal.since(first)
	})
	return s, events, lost
}

// Events is Since without the snapshot. next is the number to ask with next.
func (b *Board) Events(first uint64) (events []Event, lost, next uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	events, lost = b.journal.since(first)
	return events, lost, b.journal.next
}

// After returns the app as it is now, and the events of the journal whose Sequence is
// above last, oldest first. whole is false if the journal may have had others.
func (b *Board) After(last uint64) (s Snapshot, events []Event, whole bool) {
	s, events, lost := b.Since(0)
	whole = lost == 0 && b.first <= last || len(events) > 0 && events[0].Sequence <= last
	for len(events) > 0 && events[0].Sequence <= last {
		events = events[1:]
	}
	return s, events, whole
}

// Watch returns a channel that gets a value after a change of what Snapshot
// shows, apart from traffic: requests in flight, load and counts of requests are
// not announced, but the first request that waits is. Changes that come before
// the value is read are one value. Call stop when done.
func (b *Board) Watch() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.watchers[c] = struct{}{}
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watchers, c)
	}
}

func (b *Board) notifyLocked() {
	for c := range b.watchers {
		select {
		case c <- struct{}{}:
		default: // the last value has not been read yet
		}
	}
}
