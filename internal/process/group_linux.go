package process

import (
	"syscall"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// pPID is P_PID of waitid(2), which package syscall lacks.
const pPID = 1

// awaitExit blocks until the child has exited, and does not reap it. It returns
// false at once if that is not possible: the exit then shows only by reaping.
func awaitExit(pid int) bool {
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), 0,
			syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0
		}
	}
}

// groupAlive reports whether a process of the group runs, other than the leader.
// Without /proc it reports false.
func groupAlive(pgid int) bool {
	procs, err := procfs.Processes()
	if err != nil {
		return false
	}
	for _, p := range procs {
		if p.Group == pgid && p.PID != pgid && !p.Exited() {
			return true
		}
	}
	return false
}
