package process

import (
	"errors"
	"syscall"
	"time"
)

// signalGroup sends sig to every process of a group. A group without processes
// is not an error.
func signalGroup(pgid int, sig syscall.Signal) error {
	if err := syscall.Kill(-pgid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// awaitGroupGone waits until no process of a killed group is running, so that its
// ports are free again, or until limit has passed. The leader is reaped, so the
// id could in theory be another group's: nothing but signal 0, which has no
// effect, is sent to it. Orphans that have exited but that process 1 has not yet
// reaped do not count.
func awaitGroupGone(pgid int, limit time.Duration) {
	deadline := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		gone := syscall.Kill(-pgid, 0) != nil || !groupAlive(pgid)
		reapGroup(pgid)
		if gone || time.Now().After(deadline) {
			return
		}
		time.Sleep(pause)
	}
}

// reapGroup collects the exit status of group members that the kernel made
// children of dynlb when their parent died. That happens only where dynlb is
// process 1 of a container (or a subreaper); nobody else would reap them there.
func reapGroup(pgid int) {
	for {
		pid, err := syscall.Wait4(-pgid, nil, syscall.WNOHANG, nil)
		if pid <= 0 && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}
