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
	trouble string        // why the last check failed; empty if it did not
}

// NewCredential returns a Credential with the value that read returns, or read's
// error. read reads the files; the name is for the log.
func NewCredential[T any](name string, log *slog.Logger, read func() (T, error), files ...string) (*Credential[T], error) {
	c := &Credential[T]{name: name, files: files, read: read, log: log, checked: time.Now()}
	if err := c.reload(); err != nil {
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return c, nil
}

// Value returns the value of the files, at most one second old. As long as the files
// cannot be read or are invalid, it returns the last valid value and logs the
// reason, so a half-finished exchange of files changes nothing.
func (c *Credential[T]) Value() T {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if now.Sub(c.checked) < credentialInterval {
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

// reload reads the files. The caller holds mu, or is the only one with the
// Credential.
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

// unchanged reports whether the files are still those that were read. The caller
// holds mu.
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
