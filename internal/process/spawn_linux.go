package process

import (
	"syscall"

	"github.com/dynlb/dynlb/internal/process/account"
)

// sysProcAttr has the child run as u, in a group of its own, and has the kernel
// kill it when the thread of spawnLoop ends, which ends with dynlb.
func sysProcAttr(u *account.User) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: u.Credential(), Pdeathsig: syscall.SIGKILL}
}
