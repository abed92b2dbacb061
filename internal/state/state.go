// Package state is the folder in which dynlb keeps what outlives it: small documents,
// the history and the output of instances.
//
// A [Folder] belongs to one process at a time, which holds a lock on it. The folders and
// files are accessible to its user only: the output of instances may hold secrets.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The modes of folders and files.
const (
	folderMode = 0o700
	fileMode   = 0o600
)

// ErrOff reports that there is no folder, so that nothing can be kept.
var ErrOff = errors.New("there is no stateDir")

// Folder is a folder that this process holds. Create one with Open. Nil is a folder that
// keeps nothing: Load finds nothing, and Save and Sub fail with ErrOff. Its methods are
// safe for concurrent use, apart from those for the same name.
type Folder struct {
	path string
	lock *os.File
}

// Open makes the folder unless it exists, and takes its lock. The error is a [HeldError]
// if another process has it. Call Close at the end.
func Open(path string) (*Folder, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	if err := makeFolder(path); err != nil {
		return nil, fmt.Errorf("open state folder: %w", err)
	}
	lock, err := takeLock(filepath.Join(path, "lock"))
	if err != nil {
		return nil, fmt.Errorf("open state folder %s: %w", path, err)
	}
	f := &Folder{path: path, lock: lock}
	if err := f.tidy(); err != nil { // it cannot be written, then
		return nil, errors.Join(fmt.Errorf("open state folder: %w", err), f.Close())
	}
	return f, nil
}

// makeFolder makes a folder and those above it. Access for others is taken away from a
// folder that exists, unless another user owns it.
func makeFolder(path string) error {
	if err := os.MkdirAll(path, folderMode); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	if err := os.Chmod(path, folderMode); err != nil && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return nil
}

// temporary ends the names of files that are being written.
const temporary = ".new"

// tidy removes what an earlier process has left half written.
func (f *Folder) tidy() error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), temporary) {
			if err := os.Remove(filepath.Join(f.path, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// Path returns the folder's path; "" for nil.
func (f *Folder) Path() string {
	if f == nil {
		return ""
	}
	return f.path
}

// Sub makes a folder in the folder unless it exists, and returns its path.
func (f *Folder) Sub(name string) (string, error) {
	if f == nil {
		return "", ErrOff
	}
	path := filepath.Join(f.path, name)
	if err := makeFolder(path); err != nil {
		return "", fmt.Errorf("make state folder: %w", err)
	}
	return path, nil
}

// Load reads the document of a name into v, and reports whether there is one. A document
// that is not valid is an error: the caller decides whether to go on without it.
func (f *Folder) Load(name string, v any) (bool, error) {
	if f == nil {
		return false, nil
	}
	data, err := os.ReadFile(f.document(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("load state: %w", err)
	}
	if err := json.Unmarshal(data, v); err != nil {
		return false, fmt.Errorf("load state %s: %w", f.document(name), err)
	}
	return true, nil
}

// Save writes the document of a name. When it returns nil, the document is on the disk.
// Otherwise, and after a crash at any moment, the previous one is there, or the new one.
func (f *Folder) Save(name string, v any) error {
	if f == nil {
		return fmt.Errorf("save state %s: %w", name, ErrOff)
	}
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("save state %s: %w", name, err)
	}
	if err := replace(f.document(name), append(data, '\n')); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// Remove removes the document of a name, if there is one.
func (f *Folder) Remove(name string) error {
	if f == nil {
		return nil
	}
	if err := os.Remove(f.document(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove state: %w", err)
	}
	return SyncFolder(f.path)
}

func (f *Folder) document(name string) string { return filepath.Join(f.path, name+".json") }

// Close gives the lock up. Nil: nothing.
func (f *Folder) Close() error {
	if f == nil {
		return nil
	}
	if err := f.lock.Close(); err != nil {
		return fmt.Errorf("close state folder: %w", err)
	}
	return nil
}

// replace writes a file as a whole: to a temporary file, which then takes its place.
func replace(path string, data []byte) error {
	file, err := os.OpenFile(path+temporary, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err == nil {
		err = file.Sync()
	}
	if err := errors.Join(err, file.Close()); err != nil {
		_ = os.Remove(path + temporary) // it is of no use; tidy removes it otherwise
		return err
	}
	if err := os.Rename(path+temporary, path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// SyncFolder has the names in a folder written to the disk.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// IsFull reports whether an error means that there is no room on the disk, or none for its
// user.
func IsFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
