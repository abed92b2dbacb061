package server

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// checkCredential is how often, at most, the files of a Credential are looked
// at.
const checkCredential = time.Second

// Credential is what files say, such as a token or certificates. It follows
// them: when they have changed they are read again, so that secrets can be
// exchanged while dynlb runs. Make one with NewCredential. It is safe for
// concurrent use.
type Credential[T any] struct {
	name  string
	files []string
	read  func() (T, error)
	log   *slog.Logger

	mu      sync.Mutex    // guards the rest
	value   T             // as last read without an error
	seen    []os.FileInfo // of the files before they were read
	checked time.Time     // when the files were last looked at
	trouble string        // why they cannot be read now; empty if they can
}

// NewCredential returns what read makes of the files, or its error. Its name is
// for the log.
func NewCredential[T any](name string, log *slog.Logger, read func() (T, error), files ...string) (*Credential[T], error) {
	c := &Credential[T]{name: name, files: files, read: read, log: log, checked: time.Now()}
	if err := c.reload(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return c, nil
}

// Value returns what the files say, one second late at most. As long as they
// cannot be read, or what they hold is refused, it stays what it was, and the
// log says why: half of an exchange locks nobody out, and lets nobody in.
func (c *Credential[T]) Value() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.checked) < checkCredential {
		return c.value
	}
	c.checked = now
	if c.unchanged() {
		return c.value
	}
	switch err := c.reload(); {
	case err == nil:
		c.trouble = ""
		c.log.Info("credential has changed", "credential", c.name)
	case err.Error() != c.trouble:
		c.trouble = err.Error()
		c.log.Warn("credential stays as it was", "credential", c.name, "error", err)
	}
	return c.value
}

// reload reads the files. It is called with mu held, or before anybody else has
// the Credential.
func (c *Credential[T]) reload() error {
	seen := make([]os.FileInfo, 0, len(c.files))
	for _, name := range c.files {
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		seen = append(seen, info)
	}
	value, err := c.read()
	if err != nil {
		return err
	}
	c.value, c.seen = value, seen
	return nil
}

// unchanged reports whether the files are those that were read. It is called
// with mu held.
func (c *Credential[T]) unchanged() bool {
	for i, name := range c.files {
		info, err := os.Stat(name)
		before := c.seen[i]
		if err != nil || !os.SameFile(info, before) || !info.ModTime().Equal(before.ModTime()) || info.Size() != before.Size() {
			return false
		}
	}
	return true
}
