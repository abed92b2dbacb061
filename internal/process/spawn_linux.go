package process

import "syscall"

// sysProcAttr has the child run as u, in a group of its own and has the kernel kill it
// when the spawner's thread, and with it dynlb, ends.
func sysProcAttr(u *User) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: u.credential(), Pdeathsig: syscall.SIGKILL}
}
