package server

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// credentialInterval is the minimum time between two checks of the files of a
// Credential.
const credentialInterval = time.Second

// Credential is a value read from files, such as a token or certificates. When the
// files change it reads them again, so that secrets can be exchanged while dynlb
// runs. Make one with NewCredential. It is safe for concurrent use.
type Credential[T any] struct {
	name  string
	files []string
	read  func() (T, error)
	log   *slog.Logger

	mu      sync.Mutex    // guards the rest
	value   T             // as last read without an error
	seen    []os.FileInfo // of the files before they were read
	checked time.Time     // of the last check of the files
	reading bool          // a check goes on
	trouble string        // why the last check failed; empty if it did not
}

// NewCredential returns a Credential with the value that read returns, or read's
// error. read reads the files; the name is for the log.
func NewCredential[T any](name string, log *slog.Logger, read func() (T, error), files ...string) (*Credential[T], error) {
	c := &Credential[T]{name: name, files: files, read: read, log: log, checked: time.Now()}
	var err error
	if c.value, c.seen, err = c.load(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return c, nil
}

// readWait is how long a call waits while the files are read: a disk is fast, a file
// system on the network may not answer at all.
const readWait = 100 * time.Millisecond

// Value returns the value of the files, at most one second old. As long as the files
// cannot be read, are invalid or take long to read, it returns the last valid value, so
// a half-finished exchange of files changes nothing. It logs the reason.
func (c *Credential[T]) Value() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if c.reading || now.Sub(c.checked) < credentialInterval {
		return c.value
	}
	c.checked, c.reading = now, true
	seen := c.seen
	done := make(chan struct{})
	go func() { // ends when the files are read, and is the only one
		defer close(done)
		c.check(seen)
	}()
	c.mu.Unlock()
	late := time.NewTimer(readWait)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
	}
	c.mu.Lock()
	return c.value
}

// check reads the files if they are not those in seen.
func (c *Credential[T]) check(seen []os.FileInfo) {
	if c.unchanged(seen) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.reading = false
		return
	}
	value, seen, err := c.load()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false
	switch {
	case err == nil:
		c.value, c.seen, c.trouble = value, seen, ""
		c.log.Info("credential has changed", "credential", c.name)
	case err.Error() != c.trouble:
		c.trouble = err.Error()
		c.log.Warn("credential stays as it was", "credential", c.name, "error", err)
	}
}

// load reads the files, and returns what they were before that.
func (c *Credential[T]) load() (value T, seen []os.FileInfo, err error) {
	for _, name := range c.files {
		info, err := os.Stat(name)
		if err != nil {
			return value, nil, err
		}
		seen = append(seen, info)
	}
	value, err = c.read()
	return value, seen, err
}

// unchanged reports whether the files are still those in seen.
func (c *Credential[T]) unchanged(seen []os.FileInfo) bool {
	for i, name := range c.files {
		info, err := os.Stat(name)
		before := seen[i]
		if err != nil || !os.SameFile(info, before) || !info.ModTime().Equal(before.ModTime()) || info.Size() != before.Size() {
			return false
		}
	}
	return true
}
