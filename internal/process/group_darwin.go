package process

import (
	"errors"
	"syscall"
)

// awaitExit blocks until the child has exited, and does not reap it. It returns
// false at once if that is not possible: the exit then shows only by reaping. It
// does not use waitid(2), which here also returns for stopped children
// (golang/go#19314).
func awaitExit(pid int) bool {
	kq, err := syscall.Kqueue()
	if err != nil {
		return false
	}
	defer func() { _ = syscall.Close(kq) }()
	syscall.CloseOnExec(kq)
	var change syscall.Kevent_t
	syscall.SetKevent(&change, pid, syscall.EVFILT_PROC, syscall.EV_ADD|syscall.EV_ONESHOT)
	change.Fflags = syscall.NOTE_EXIT
	events := make([]syscall.Kevent_t, 1)
	for {
		_, err := syscall.Kevent(kq, []syscall.Kevent_t{change}, events, nil)
		if !errors.Is(err, syscall.EINTR) {
			return err == nil || errors.Is(err, syscall.ESRCH) // it had exited before the call
		}
	}
}

// groupAlive reports whether a process of the group runs, other than the leader,
// which has exited. kill(2) does not count exited processes here.
func groupAlive(pgid int) bool {
	return syscall.Kill(-pgid, 0) == nil
}
