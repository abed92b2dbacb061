package process

import (
	"syscall"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// pPID is P_PID of waitid(2), which package syscall lacks.
const pPID = 1

// awaitExit blocks until the child has exited and leaves it unreaped. It returns
// false at once if it cannot do that; then only reaping tells of the exit.
func awaitExit(pid int) bool {
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), 0,
			syscall.WEXITED|syscall.WNOWAIT, 0, 0)
		if errno != syscall.EINTR {
			return errno == 0
		}
	}
}

// groupAlive reports whether a process of the group other than its leader is
// running. Without /proc it reports false.
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
