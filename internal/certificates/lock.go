package certificates

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/caddyserver/certmagic"
)

// lockInterval is the time between two attempts to take a lock that another process has.
const lockInterval = 250 * time.Millisecond

// lockedStorage is a folder whose locks belong to the process that has them: the kernel
// releases them when it ends, also if it is killed (flock(2)). The locks of
// certmagic.FileStorage are files with a time, which others must wait for to be out of
// date.
type lockedStorage struct {
	*certmagic.FileStorage

	mu   sync.Mutex // guards held
	held map[string]*os.File
}

func newStorage(path string) *lockedStorage {
	return &lockedStorage{FileStorage: &certmagic.FileStorage{Path: path}, held: map[string]*os.File{}}
}

// check returns an error if the folder cannot be made or written.
func (s *lockedStorage) check() error {
	if err := os.MkdirAll(s.Path, 0o700); err != nil {
		return fmt.Errorf("make certificate storage: %w", err)
	}
	f, err := os.CreateTemp(s.Path, "check-*")
	if err != nil {
		return fmt.Errorf("write to certificate storage: %w", err)
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}

// Lock takes a lock, and waits for it until ctx ends.
func (s *lockedStorage) Lock(ctx context.Context, name string) error {
	for {
		if ok, err := s.TryLock(ctx, name); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockInterval):
		}
	}
}

// TryLock takes a lock unless another holder has it.
func (s *lockedStorage) TryLock(_ context.Context, name string) (bool, error) {
	path := s.lockPath(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return false, fmt.Errorf("lock certificate storage: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("lock certificate storage: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil && !isAt(f, path) { // its holder has removed it meanwhile
		err = syscall.EWOULDBLOCK
	}
	if err != nil {
		_ = f.Close() // nothing was written
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return false, nil
		}
		return false, fmt.Errorf("lock certificate storage: %w", os.NewSyscallError("flock", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[name] = f
	return true, nil
}

// Unlock releases a lock, and removes its file.
func (s *lockedStorage) Unlock(_ context.Context, name string) error {
	s.mu.Lock()
	f := s.held[name]
	delete(s.held, name)
	s.mu.Unlock()
	if f == nil {
		return fs.ErrNotExist
	}
	return errors.Join(os.Remove(s.lockPath(name)), f.Close())
}

func (s *lockedStorage) lockPath(name string) string {
	return s.Filename(filepath.Join("locks", certmagic.StorageKeys.Safe(name)+".flock"))
}

// isAt reports whether a file is the one at path.
func isAt(f *os.File, path string) bool {
	own, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(own, there)
}
