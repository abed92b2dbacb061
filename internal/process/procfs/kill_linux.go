package procfs

import (
	"errors"
	"os"
)

// KillIf sends SIGKILL to a process if matches reports true. It calls matches
// once the pid cannot pass to another process any more: os.FindProcess holds it
// by a pidfd, where the kernel has them (Linux 5.4). It reports whether the
// signal was sent or the process had exited.
func KillIf(pid int, matches func() bool) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer func() { _ = p.Release() }() // closes the pidfd; it cannot fail
	if !matches() {
		return false
	}
	err = p.Kill()
	return err == nil || errors.Is(err, os.ErrProcessDone)
}
