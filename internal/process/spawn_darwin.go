package process

import "syscall"

// sysProcAttr has the child run as c, in a group of its own. This system has no
// parent-death signal: children outlive a dynlb that SIGKILL ends.
func sysProcAttr(c *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: c}
}
