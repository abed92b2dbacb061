package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"github.com/dynlb/dynlb/internal/process/account"
)

const (
	// socketFolderName begins the name of the folder of a socket.
	socketFolderName = "dynlb-socket-"
	// socketName is the name of the socket in its folder.
	socketName = "app.sock"
)

// maxSocketPath is the longest path of a Unix socket: sun_path without its final zero
// byte (unix(7)).
const maxSocketPath = len(syscall.RawSockaddrUnix{}.Path) - 1

// runtimeFolder returns the folder for the sockets of instances that run as user. Other
// users than dynlb's own cannot enter XDG_RUNTIME_DIR; dynlb is root then, and may write
// to /run.
func runtimeFolder(user *account.User) string {
	if user != nil && int(user.UID) != os.Geteuid() {
		if info, err := os.Stat("/run"); err == nil && info.IsDir() {
			return "/run"
		}
		return os.TempDir()
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return dir
	}
	return os.TempDir()
}

// socketFolder is a folder for the socket of one instance, which only the user of the
// instance, and root, can enter. dynlb holds a lock on it, so that the next run knows
// folders that a killed one left behind. Cleaners of temporary files heed it too
// (systemd-tmpfiles(8)).
type socketFolder struct {
	path string   // of the folder
	lock *os.File // the folder itself
}

// makeSocketFolder makes a folder for an instance that runs as user in a runtime folder.
func makeSocketFolder(runtime string, user *account.User) (*socketFolder, error) {
	for {
		path, err := os.MkdirTemp(runtime, socketFolderName)
		if err != nil {
			return nil, fmt.Errorf("make a folder for a Unix socket: %w", err)
		}
		lock, err := lockFolder(path)
		if lock == nil && err == nil {
			continue // another dynlb took it for one that was left behind
		}
		f := &socketFolder{path: path, lock: lock}
		if n := len(f.socket()); err == nil && n > maxSocketPath {
			err = fmt.Errorf("the path %s has %d bytes, and at most %d are possible: set XDG_RUNTIME_DIR to a folder with a shorter path",
				f.socket(), n, maxSocketPath)
		}
		if err == nil && user != nil {
			err = os.Chown(path, int(user.UID), int(user.GID))
		}
		if err != nil {
			return nil, fmt.Errorf("make a folder for a Unix socket: %w", errors.Join(err, f.remove()))
		}
		return f, nil
	}
}

// socket returns the path of the socket.
func (f *socketFolder) socket() string { return filepath.Join(f.path, socketName) }

// held returns the file whose lock says that the folder is in use.
func (f *socketFolder) held() []*os.File {
	if f == nil || f.lock == nil {
		return nil
	}
	return []*os.File{f.lock}
}

// remove removes the folder and all that the instance left in it. A nil folder has
// nothing.
func (f *socketFolder) remove() error {
	if f == nil {
		return nil
	}
	err := os.RemoveAll(f.path)
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
	}
	return err
}

// lockFolder locks a folder. It returns nil without an error if another process has
// locked or removed it.
func lockFolder(path string) (*os.File, error) {
	dir, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil && isFolder(dir, path) {
		return dir, nil
	}
	_ = dir.Close() // read only
	if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return nil, nil
}

// isFolder reports whether an open folder is the one at path, and no other.
func isFolder(dir *os.File, path string) bool {
	opened, err := dir.Stat()
	if err != nil {
		return false
	}
	now, err := os.Lstat(path)
	return err == nil && now.IsDir() && os.SameFile(opened, now)
}

// removeStaleSockets removes the folders in a runtime folder that killed runs of dynlb
// left behind. Folders of other users stay, unless dynlb is root.
func removeStaleSockets(runtime string) {
	paths, err := filepath.Glob(filepath.Join(runtime, socketFolderName+"*"))
	if err != nil {
		return
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); !ok || os.Geteuid() != 0 && int(stat.Uid) != os.Geteuid() {
			continue
		}
		if lock, err := lockFolder(path); err == nil && lock != nil {
			_ = (&socketFolder{path, lock}).remove() // the next start tries again
		}
	}
}
