package process

import "syscall"

// sysProcAttr has the child run as u, in a group of its own. This system has no
// parent-death signal: children outlive a dynlb that is killed by SIGKILL.
func sysProcAttr(u *User) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: u.credential()}
}
