package main

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// processCPU returns the CPU time of process pid since it started, all threads.
func processCPU(pid int) (time.Duration, error) {
	// MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of linux/posix-timers.h, which
	// clock_getcpuclockid(3) wraps.
	const cpuClockSched = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|cpuClockSched), &t); err != nil {
		return 0, err
	}
	return time.Duration(t.Nano()), nil
}

// ownGroup makes a child the leader of a process group of its own, and has the
// kernel end it when this program dies without doing so. The signal is SIGTERM
// because nginx's workers outlive a master that is killed outright.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// signalGroup signals every process of a group; a group that is gone is fine.
func signalGroup(pgid int, sig syscall.Signal) {
	_ = syscall.Kill(-pgid, sig)
}
