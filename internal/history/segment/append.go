package segment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dynlb/dynlb/internal/state"
)

// Append keeps a record. When it returns nil, the record outlives the process; after the
// next Sync it outlives the machine. The error wraps ErrDropped: the record is not kept,
// and a later one may be. When the disk is full, the oldest records make room.
func (l *Log) Append(at time.Time, payload []byte) error {
	if len(payload) > maxPayload {
		return fmt.Errorf("append to history: %w: it has %d bytes, and %d is the maximum", ErrDropped, len(payload), maxPayload)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return fmt.Errorf("append to history: %w: it is closed", ErrDropped)
	}
	l.buffer = appendRecord(l.buffer[:0], at, payload)
	err := l.writeLocked(at)
	for state.IsFull(err) && l.forgetLocked() {
		err = l.writeLocked(at)
	}
	if err != nil {
		return fmt.Errorf("append to history: %w: %w", ErrDropped, err)
	}
	l.retainLocked(at)
	return nil
}

// writeLocked writes the buffer at the end. A part of it that was written is taken back.
func (l *Log) writeLocked(at time.Time) error {
	p, err := l.currentLocked(at)
	if err != nil {
		return err
	}
	if l.options.Dir == "" {
		p.data = append(p.data, l.buffer...)
	} else if err := l.writeFileLocked(p); err != nil {
		return err
	}
	if p.first.IsZero() {
		p.first = at
	}
	n := int64(len(l.buffer))
	p.size += n
	l.total += n
	l.dirty = true
	return nil
}

func (l *Log) writeFileLocked(p *part) error {
	n, err := l.to.Write(l.buffer)
	if err == nil {
		return nil
	}
	if n > 0 && l.to.Truncate(p.size) != nil {
		p.broken = true // readers ignore what comes after its size
	}
	return err
}

// currentLocked returns the part that the next record goes to. It begins one when there is
// none, and when the last one is large or old enough.
func (l *Log) currentLocked(at time.Time) (*part, error) {
	next := &part{number: 1}
	if n := len(l.segments); n > 0 {
		last := l.segments[n-1]
		if !last.broken && !l.completeLocked(last, at) {
			return last, l.openLocked(last)
		}
		next.number = last.number + 1
	}
	if err := l.endLocked(); err != nil {
		return nil, err
	}
	if l.options.Dir != "" {
		next.path = filepath.Join(l.options.Dir, fmt.Sprintf("%012d%s", next.number, suffix))
	}
	if err := l.openLocked(next); err != nil {
		return nil, err
	}
	l.segments = append(l.segments, next)
	if l.options.Dir == "" {
		return next, nil
	}
	return next, state.SyncFolder(l.options.Dir)
}

// openLocked opens the file of the last part, unless it is open or in memory.
func (l *Log) openLocked(p *part) (err error) {
	if p.path != "" && l.to == nil {
		l.to, err = l.options.create(p.path)
	}
	return err
}

// completeLocked reports whether a part takes no further record.
func (l *Log) completeLocked(p *part, at time.Time) bool {
	if p.size == 0 {
		return false
	}
	if p.size+int64(len(l.buffer)) > max(l.options.MaxBytes/parts, headerSize+maxPayload/parts) {
		return true
	}
	return l.options.MaxAge > 0 && !p.first.IsZero() && at.Sub(p.first) > l.options.MaxAge/parts
}

// retainLocked forgets what is too much or too old.
func (l *Log) retainLocked(now time.Time) {
	for l.total > l.options.MaxBytes && l.forgetLocked() {
	}
	if l.options.MaxAge == 0 {
		return
	}
	// The records of a part are older than the first one of the next part.
	for len(l.segments) > 1 && !l.segments[1].first.IsZero() && now.Sub(l.segments[1].first) > l.options.MaxAge {
		if !l.forgetLocked() {
			return
		}
	}
}

// forgetLocked removes the oldest part, unless it is the one that is written, and reports
// whether it did.
func (l *Log) forgetLocked() bool {
	if len(l.segments) < 2 {
		return false
	}
	oldest := l.segments[0]
	if oldest.path != "" {
		if err := os.Remove(oldest.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return false
		}
	}
	l.segments = l.segments[1:]
	l.total -= oldest.size
	return true
}
