package logging

import (
	"errors"
	"io"
	"sync"
	"time"
)

const (
	// sinkSize is how many bytes of log may wait to be written. At 200 bytes a line
	// that is 5,000 lines: the log of some busy seconds.
	sinkSize = 1 << 20
	// flushTimeout bounds how long close waits for the rest of the log.
	flushTimeout = time.Second
	// instanceLogWait bounds how long an instance's output blocks on a full sink. A
	// reader that works pauses for less; a longer bound would let blocked writers of
	// instances that have ended pile up.
	instanceLogWait = 5 * time.Second
)

// errDropped reports that a line of an instance was dropped.
var errDropped = errors.New("log line dropped: the log is not read fast enough")

// sink buffers log lines for a writer that may block: a stopped terminal, or a pipe
// that is not read, must not stop dynlb. A line that does not fit is dropped and
// counted. Create one with newSink. It is safe for concurrent use.
type sink struct {
	to     io.Writer
	report func(dropped int) // called once a line can be written again, by run
	done   chan struct{}     // closed when run has returned

	mu      sync.Mutex // guards all below
	changed sync.Cond  // signals every change of what is below
	buffer  []byte     // whole lines that are not written yet
	dropped int        // lines that were not reported yet
	closed  bool
}

func newSink(to io.Writer) *sink {
	s := &sink{to: to, report: func(int) {}, done: make(chan struct{})}
	s.changed.L = &s.mu
	go s.run() // ends with close, which waits for it unless the writer blocks
	return s
}

// run writes the lines until the sink is closed and empty.
func (s *sink) run() {
	defer close(s.done)
	var batch []byte
	for {
		s.mu.Lock()
		for len(s.buffer) == 0 && !s.closed {
			s.changed.Wait()
		}
		batch, s.buffer = s.buffer, batch[:0]
		dropped := s.dropped
		s.dropped = 0
		s.changed.Broadcast()
		s.mu.Unlock()
		if len(batch) == 0 && dropped == 0 {
			return
		}
		_, _ = s.to.Write(batch) // a failure cannot be logged
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

// writeLocked takes a line, or drops it and returns false.
func (s *sink) writeLocked(line []byte) bool {
	if len(s.buffer) > 0 && len(s.buffer)+len(line) > sinkSize {
		s.dropped++
		return false
	}
	s.buffer = append(s.buffer, line...)
	s.changed.Broadcast()
	return true
}

// blockingSink writes to a sink for writers that may block. It leaves half of the
// buffer to the others.
type blockingSink struct{ *sink }

// Write takes a line once half of the buffer is free. After instanceLogWait it drops
// the line and fails with errDropped.
func (s blockingSink) Write(line []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.awaitRoomLocked() {
		s.dropped++
		return 0, errDropped
	}
	if !s.writeLocked(line) {
		return 0, errDropped
	}
	return len(line), nil
}

// awaitRoomLocked waits until half of the buffer is free or the sink is closed, and
// reports whether that was within instanceLogWait.
func (s blockingSink) awaitRoomLocked() bool {
	room := func() bool { return len(s.buffer) <= sinkSize/2 || s.closed }
	if room() {
		return true
	}
	late := false
	timer := time.AfterFunc(instanceLogWait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.changed.Broadcast()
	})
	defer timer.Stop()
	for !room() && !late {
		s.changed.Wait()
	}
	return room()
}

// close waits until all lines are written, for flushTimeout at most.
func (s *sink) close() {
	s.mu.Lock()
	s.closed = true
	s.changed.Broadcast()
	s.mu.Unlock()
	late := time.NewTimer(flushTimeout)
	defer late.Stop()
	select {
	case <-s.done:
	case <-late.C:
	}
}
