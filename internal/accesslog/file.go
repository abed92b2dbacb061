package accesslog

import (
	"errors"
	"sync"

	"github.com/DeRuina/timberjack"
)

// file is a file that is rotated. Its methods are safe for concurrent use.
type file struct {
	settings *Settings

	mu      sync.Mutex // guards current
	current *timberjack.Logger
}

// newFile returns the file of settings. The first write opens it.
func newFile(settings *Settings) *file { return &file{settings: settings, current: rotated(settings)} }

func rotated(s *Settings) *timberjack.Logger {
	return &timberjack.Logger{
		Filename: s.To, MaxSize: int(max(1, s.MaxSize>>20)), MaxBackups: s.Keep, Compression: "none",
	}
}

// Write appends to the file.
func (f *file) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current.Write(b)
}

// Close closes the file.
func (f *file) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.current.Close()
}

// reopen closes the file, and creates the one at its path if there is none.
func (f *file) reopen() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.current.Close()
	f.current = rotated(f.settings)
	return errors.Join(err, writable(f.settings.To))
}
