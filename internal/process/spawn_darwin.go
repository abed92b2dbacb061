package process

import (
	"syscall"

	"github.com/dynlb/dynlb/internal/process/account"
)

// sysProcAttr has the child run as u, in a group of its own. This system has no
// parent-death signal: children outlive a dynlb that SIGKILL ends.
func sysProcAttr(u *account.User) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: u.Credential()}
}
