package logging

import (
	"io"
	"sync/atomic"
)

// Lines writes whole lines to a writer that may block, such as a file on a slow disk.
// Write never blocks: lines that find no room are dropped and counted. Create one with
// NewLines. It is safe for concurrent use.
type Lines struct {
	*sink
	reported atomic.Uint64
}

// NewLines returns Lines that go to w. Call Close at the end. dropped, if it is not nil,
// is called with the number of lines that were dropped, once w takes lines again.
func NewLines(w io.Writer, dropped func(lines int)) *Lines {
	l := new(Lines)
	l.sink = newSink(w)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.report = func(n int) {
		l.reported.Add(uint64(n))
		if dropped != nil {
			dropped(n)
		}
	}
	return l
}

// Dropped returns how many lines were dropped so far.
func (l *Lines) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reported.Load() + uint64(l.dropped)
}

// Write takes a line. It never blocks and never fails. A line after Close is dropped.
func (l *Lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		l.reported.Add(1)
	} else {
		l.writeLocked(line)
	}
	return len(line), nil
}

// Close waits until all lines are written, for a second at most.
func (l *Lines) Close() { l.close() }
