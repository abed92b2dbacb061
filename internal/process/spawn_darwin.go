package process

import "syscall"

// sysProcAttr puts the child into a group of its own. This system has no
// parent-death signal: children outlive a dynlb that is killed by SIGKILL.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
