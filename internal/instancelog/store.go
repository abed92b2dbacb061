// Package instancelog keeps what instances print: a file for each instance, with rotation
// by size and removal by age and total size, or some lines in memory without a folder. It
// reads them, follows them, and passes them on to the log of dynlb or to journald.
package instancelog

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/state"
)

// Options say where a Store is, and how much it keeps.
type Options struct {
	// Dir is the folder. "": some lines are kept in memory.
	Dir string
	// MaxSize is the size at which a file is rotated, MaxTotal how much all files take at
	// most, and MaxAge how long one is kept after its last line.
	MaxSize, MaxTotal int64
	MaxAge            time.Duration
	// Log gets what cannot be written. Required.
	Log *slog.Logger
}

// How many lines, and bytes of them, are kept without a folder.
const (
	recentLines = 5000
	recentBytes = 2 << 20
)

// idleFile is how long a file stays open after its last line.
const idleFile = 5 * time.Minute

// Store keeps lines. Create one with Open. Its methods are safe for concurrent use.
type Store struct {
	options Options
	ending  chan struct{}
	end     func() // closes ending, once
	done    chan struct{}
	rotated chan struct{} // capacity 1: files may be too many

	mu      sync.Mutex // guards all below
	files   map[string]*output
	buffer  []byte
	recent  tail // without a folder
	readers map[*Follower]struct{}
	failing bool      // the log has it that writing fails
	full    time.Time // when the disk was last found full
	closed  bool
}

// output is the file of an instance that is open.
type output struct {
	*os.File
	path string
	size int64
	last time.Time // when it was written
}

// Open returns the Store of a folder. Call Close at the end.
func Open(o Options) (*Store, error) {
	s := &Store{
		options: o, files: map[string]*output{}, readers: map[*Follower]struct{}{},
		ending: make(chan struct{}), done: make(chan struct{}), rotated: make(chan struct{}, 1),
	}
	s.end = sync.OnceFunc(func() { close(s.ending) })
	if o.Dir != "" {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("open logs of instances: %w", err)
		}
	}
	go s.tidy() // ends with Close, which waits for it
	return s, nil
}

// Write keeps a line, and gives it to those that follow. The error says that it was not
// kept; the log tells the first one.
func (s *Store) Write(l Line) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil // the instance has ended, or is about to
	}
	for f := range s.readers {
		f.addLocked(l)
	}
	if s.options.Dir == "" {
		s.recent.add(l, recentLines, recentBytes)
		return nil
	}
	err := s.writeLocked(&l)
	if state.IsFull(err) && s.makeRoomLocked() {
		err = s.writeLocked(&l)
	}
	switch {
	case err != nil && !s.failing:
		s.options.Log.Error("logs of instances cannot be written", "error", err)
	case err == nil && s.failing:
		s.options.Log.Info("logs of instances are written again")
	}
	s.failing = err != nil
	return err
}

// writeLocked appends a line to the file of its instance. A part of it that was written is
// taken back.
func (s *Store) writeLocked(l *Line) error {
	f, err := s.fileLocked(l)
	if err != nil {
		return err
	}
	s.buffer = appendLine(s.buffer[:0], l)
	if f.size > 0 && f.size+int64(len(s.buffer)) > s.options.MaxSize {
		if f, err = s.rotateLocked(f, l); err != nil {
			return err
		}
	}
	n, err := f.Write(s.buffer)
	if err != nil {
		if n > 0 {
			_ = f.Truncate(f.size) // a reader leaves a part of a line out
		}
		return fmt.Errorf("write log of an instance: %w", err)
	}
	f.size += int64(n)
	f.last = time.Now()
	return nil
}

// fileLocked returns the file of an instance.
func (s *Store) fileLocked(l *Line) (*output, error) {
	path := s.path(l.App, l.Instance)
	if f := s.files[path]; f != nil {
		return f, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("open log of an instance: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log of an instance: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open log of an instance: %w", err), file.Close())
	}
	f := &output{File: file, path: path, size: info.Size()}
	s.files[path] = f
	return f, nil
}

// The ends of the names of the present file of an instance, and of the one before it.
const (
	suffix  = ".log"
	earlier = ".1.log"
)

// path returns the path of the file of an instance. Apps have names of DNS labels, and
// instances UUIDs.
func (s *Store) path(app, instance string) string {
	return filepath.Join(s.options.Dir, filepath.Base("/"+app), filepath.Base("/"+instance)+suffix)
}

// rotateLocked begins another file for an instance.
func (s *Store) rotateLocked(f *output, l *Line) (*output, error) {
	delete(s.files, f.path)
	old := f.path[:len(f.path)-len(suffix)] + earlier
	if err := errors.Join(f.Close(), os.Rename(f.path, old)); err != nil {
		return nil, fmt.Errorf("rotate log of an instance: %w", err)
	}
	select {
	case s.rotated <- struct{}{}:
	default: // the files are going to be looked at
	}
	return s.fileLocked(l)
}

// Close ends the Store. Lines are not kept any more.
func (s *Store) Close() error {
	s.end()
	<-s.done
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	var err error
	for path, f := range s.files {
		err = errors.Join(err, f.Close())
		delete(s.files, path)
	}
	for f := range s.readers {
		f.endLocked()
	}
	return err
}
