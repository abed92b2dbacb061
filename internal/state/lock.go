package state

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// HeldError reports that another process has a folder.
type HeldError struct {
	// PID is its process id; 0 if that is not known.
	PID int
}

// Error names the process.
func (e HeldError) Error() string {
	if e.PID == 0 {
		return "another dynlb uses it"
	}
	return fmt.Sprintf("another dynlb uses it (pid %d)", e.PID)
}

// takeLock locks a file, in which the process writes its id. The kernel releases the lock
// when the file is closed, also by the end of the process.
func takeLock(path string) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	switch {
	case errors.Is(err, unix.EWOULDBLOCK):
		text, _ := io.ReadAll(io.LimitReader(file, 32)) // without it, the id is not known
		pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
		_ = file.Close() // nothing was written
		return nil, HeldError{PID: pid}
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock: %w", err), file.Close())
	}
	// The id is for people, so a full disk does not matter.
	if file.Truncate(0) == nil {
		_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return file, nil
}
