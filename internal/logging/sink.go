package logging

import (
	"io"
	"sync"
	"time"
)

const (
	// sinkSize is how many bytes of log may wait for a reader. It is what some
	// seconds of a busy day come to.
	sinkSize = 1 << 20
	// sinkTimeout is how long the end of the log may take to be read.
	sinkTimeout = time.Second
	// patience is how long those wait for a reader who can: longer than one that is
	// alive pauses, and so short that those who wait cannot become many.
	patience = 5 * time.Second
)

// sink is where log lines go. A terminal that was stopped, or a pipe that nobody
// reads, must not stop dynlb with it: what does not find room is dropped, and
// counted. Create one with newSink. It is safe for concurrent use.
type sink struct {
	to     io.Writer
	report func(dropped int) // called when a line may be written again, from the sink's goroutine
	done   chan struct{}     // closed when that has ended

	mu      sync.Mutex // guards all below
	changed sync.Cond  // what is below has changed
	waiting []byte     // whole lines
	dropped int
	closed  bool
}

func newSink(to io.Writer) *sink {
	s := &sink{to: to, report: func(int) {}, done: make(chan struct{})}
	s.changed.L = &s.mu
	go s.run() // until close, which waits for it unless it is stuck
	return s
}

func (s *sink) run() {
	defer close(s.done)
	var batch []byte
	for {
		s.mu.Lock()
		for len(s.waiting) == 0 && !s.closed {
			s.changed.Wait()
		}
		batch, s.waiting = s.waiting, batch[:0]
		dropped := s.dropped
		s.dropped = 0
		s.changed.Broadcast()
		s.mu.Unlock()
		if len(batch) == 0 && dropped == 0 {
			return
		}
		_, _ = s.to.Write(batch) // there is nowhere to tell
		if dropped > 0 {
			s.report(dropped)
		}
	}
}

// Write takes a line. It never blocks and never fails.
func (s *sink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writeLocked(line)
	return len(line), nil
}

func (s *sink) writeLocked(line []byte) {
	if s.fullLocked(line) {
		s.dropped++
		return
	}
	s.waiting = append(s.waiting, line...)
	s.changed.Broadcast()
}

// fullLocked reports whether there is no room for a line.
func (s *sink) fullLocked(line []byte) bool {
	return len(s.waiting) > 0 && len(s.waiting)+len(line) > sinkSize
}

// patient is the same sink for those who can wait until there is room.
func (s *sink) patient() io.Writer { return patientSink{s} }

type patientSink struct{ *sink }

// Write takes a line as soon as half of the room is free: the other half is for
// those who cannot wait. When that takes longer than patience, the line is dropped.
func (s patientSink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	room := func() bool { return len(s.waiting) <= sinkSize/2 || s.closed }
	if !room() {
		late := false
		timer := time.AfterFunc(patience, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			late = true
			s.changed.Broadcast()
		})
		defer timer.Stop()
		for !room() && !late {
			s.changed.Wait()
		}
	}
	if room() {
		s.writeLocked(line)
	} else {
		s.dropped++
	}
	return len(line), nil
}

// close waits until all was written, but no longer than for sinkTimeout.
func (s *sink) close() {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	late := time.NewTimer(sinkTimeout)
	defer late.Stop()
	select {
	case <-s.done:
	case <-late.C:
	}
}
