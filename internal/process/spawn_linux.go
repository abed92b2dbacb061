package process

import "syscall"

// sysProcAttr puts the child into a group of its own and has the kernel kill it
// when the spawner's thread, and with it dynlb, ends.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
