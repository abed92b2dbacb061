package process

import (
	"errors"
	"syscall"
	"time"
)

// Intervals of the poll that waits for a killed group: it backs off from the time
// that one process takes to exit.
const (
	minGroupPoll = time.Millisecond
	maxGroupPoll = 50 * time.Millisecond
)

// signalGroup sends sig to every process of a group. It returns nil for a group
// without processes.
func signalGroup(pgid int, sig syscall.Signal) error {
	if err := syscall.Kill(-pgid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// awaitGroupGone waits until no process of a killed group runs, so that its ports
// are free again, or until limit has passed. The leader has been reaped, so the id
// may belong to another group by now: the only signal sent to it is 0, which has
// no effect. Processes that have exited and that process 1 has not reaped yet do
// not count.
func awaitGroupGone(pgid int, limit time.Duration) {
	deadline := time.Now().Add(limit)
	for pause := minGroupPoll; ; pause = min(2*pause, maxGroupPoll) {
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
// process 1 of a container, or a subreaper. No other process reaps them there.
func reapGroup(pgid int) {
	for {
		pid, err := syscall.Wait4(-pgid, nil, syscall.WNOHANG, nil)
		if pid <= 0 && !errors.Is(err, syscall.EINTR) {
			return
		}
	}
}
