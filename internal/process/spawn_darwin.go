package process

import (
	"syscall"

	"github.com/dynlb/dynlb/internal/process/account"
)

// sysProcAttr has the child run as u, in a group of its own. This system has no
// parent-death signal: children outlive a dynlb that is killed by SIGKILL.
func sysProcAttr(u *account.User) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: u.Credential()}
}
