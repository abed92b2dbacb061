package process

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"github.com/dynlb/dynlb/internal/process/procfs"
)

// OwnsSocket finds out whether the child, a process of its group or cgroup, or a
// descendant of one listens on a Unix socket. owner is the process that does, by the
// credentials that the kernel noted when it began to listen (unix(7), SO_PEERCRED).
//
// The error is os.ErrProcessDone when the child has been reaped, and wraps
// procfs.ErrUnsupported when the owner cannot be found.
func (p *Process) OwnsSocket(path string) (owned bool, owner int, err error) {
	if p.isReaped() {
		return false, 0, os.ErrProcessDone
	}
	owner, err = listenerOf(path)
	switch {
	case err != nil:
		return false, 0, err
	case owner == p.PID(), slices.Contains(p.child.Cgroup().PIDs(), owner):
		return true, owner, nil
	}
	family, err := procfs.Family(p.PID())
	if err != nil {
		return false, owner, fmt.Errorf("%w: %w", procfs.ErrUnsupported, err)
	}
	return slices.Contains(family, owner), owner, nil
}

// listenerOf connects to a Unix socket, and returns the process that listens on it.
func listenerOf(path string) (pid int, err error) {
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", procfs.ErrUnsupported, os.NewSyscallError("socket", err))
	}
	defer func() { _ = syscall.Close(fd) }() // an error changes nothing
	if err := syscall.Connect(fd, &syscall.SockaddrUnix{Name: path}); err != nil {
		return 0, fmt.Errorf("%w: %w", procfs.ErrUnsupported, os.NewSyscallError("connect", err))
	}
	peer, err := syscall.GetsockoptUcred(fd, syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	if err == nil && peer.Pid == 0 {
		err = errors.New("the process is in another PID namespace")
	}
	if err != nil {
		return 0, fmt.Errorf("%w: %w", procfs.ErrUnsupported, err)
	}
	return int(peer.Pid), nil
}
