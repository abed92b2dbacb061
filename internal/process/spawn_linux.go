package process

import "syscall"

// sysProcAttr has the child run as c, in a group of its own, and has the kernel
// kill it when the thread of spawnLoop ends, which ends with dynlb.
func sysProcAttr(c *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: c, Pdeathsig: syscall.SIGKILL}
}
