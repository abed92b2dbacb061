// Package segment keeps records in files that are only appended to. A crash at any moment
// costs no record that was appended: what a killed process has written is the kernel's.
// Old records are forgotten a file at a time, by removing it, which also works on a full
// disk.
package segment

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say where a Log is, and how much it keeps.
type Options struct {
	// Dir is the folder of the files, for this Log alone. "": records are kept in memory.
	Dir string
	// MaxBytes is how much is kept at most. The oldest records are forgotten first.
	MaxBytes int64
	// MaxAge is how long records are kept at least, within MaxBytes. Zero: no limit.
	MaxAge time.Duration

	create func(path string) (file, error) // nil: os.OpenFile; tests have others
}

// file is a file that is written.
type file interface {
	Write(p []byte) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// parts is into how many files MaxBytes is divided. More files are forgotten in smaller
// steps.
const parts = 16

// ErrDropped reports that a record was not kept.
var ErrDropped = errors.New("record dropped")

// Position is a place between two records. The zero value is the beginning.
type Position struct {
	Segment uint64
	Offset  int64
}

// Log is a sequence of records. Create one with Open. Its methods are safe for concurrent
// use; a process must have it for itself.
type Log struct {
	options Options

	mu       sync.Mutex // guards all below
	segments []*part    // oldest first; the last one is written
	to       file       // of the last part; nil in memory, and when it cannot be written
	total    int64      // bytes of all
	dirty    bool       // something was written since the last Sync
	buffer   []byte
	closed   bool
}

// part is one file, or a part of the memory.
type part struct {
	number uint64
	path   string
	data   []byte // in memory
	size   int64
	first  time.Time // of the first record; zero if there is none
	broken bool      // there is something after its size: nothing is appended
}

// Open returns the Log of a folder, with the records that are in it. Call Close at the
// end.
func Open(o Options) (*Log, error) {
	if o.create == nil {
		o.create = func(path string) (file, error) {
			return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		}
	}
	l := &Log{options: o}
	if o.Dir == "" {
		return l, nil
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	if err := l.recover(); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return l, nil
}

// suffix ends the names of the files.
const suffix = ".seg"

// recover finds the files, and cuts off what a crash has left half written.
func (l *Log) recover() error {
	entries, err := os.ReadDir(l.options.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		var number uint64
		if _, err := fmt.Sscanf(e.Name(), "%d"+suffix, &number); err != nil || !strings.HasSuffix(e.Name(), suffix) {
			continue
		}
		p := &part{number: number, path: filepath.Join(l.options.Dir, e.Name())}
		if err := p.inspect(); err != nil {
			return err
		}
		l.segments = append(l.segments, p)
		l.total += p.size
	}
	slices.SortFunc(l.segments, func(a, b *part) int { return int(a.number) - int(b.number) })
	if len(l.segments) == 0 {
		return nil
	}
	last := l.segments[len(l.segments)-1]
	size, err := last.intact()
	if err != nil {
		return err
	}
	if size < last.size {
		if err := os.Truncate(last.path, size); err != nil {
			return err
		}
		l.total -= last.size - size
		last.size = size
	}
	return nil
}

// inspect reads the size of a file and the time of its first record.
func (p *part) inspect() error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	p.size = info.Size()
	head := make([]byte, min(p.size, 64<<10)) // more than most records; without the time, Seek begins earlier
	n, err := f.ReadAt(head, 0)
	if err != nil && n < len(head) {
		return err
	}
	if at, _, size := parseRecord(head); size > 0 {
		p.first = at
	}
	return nil
}

// intact returns how many bytes of a file are whole records.
func (p *part) intact() (int64, error) {
	data, err := os.ReadFile(p.path)
	if err != nil {
		return 0, err
	}
	at := 0
	for {
		_, _, size := parseRecord(data[at:])
		if size == 0 {
			return int64(at), nil
		}
		at += size
	}
}

// Size returns how many bytes are kept.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.total
}

// Sync has all records written to the disk.
func (l *Log) Sync() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.syncLocked()
}

func (l *Log) syncLocked() error {
	if l.to == nil || !l.dirty {
		return nil
	}
	l.dirty = false
	if err := l.to.Sync(); err != nil {
		return fmt.Errorf("sync history: %w", err)
	}
	return nil
}

// Close has all records written to the disk, and keeps no further ones.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	l.closed = true
	return l.endLocked()
}

// endLocked ends the writing of the last part.
func (l *Log) endLocked() error {
	if l.to == nil {
		return nil
	}
	err := errors.Join(l.syncLocked(), l.to.Close())
	l.to = nil
	return err
}
