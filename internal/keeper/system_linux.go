package keeper

import (
	"os"

	"golang.org/x/sys/unix"
)

// Available says that this system can have a keeper.
const Available = true

// memoryFile returns a file of memory with a content.
func memoryFile(content []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("dynlb", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(fd), "message")
	if _, err := file.Write(content); err != nil {
		_ = file.Close() // it is of no use
		return nil, err
	}
	return file, nil
}

// socketPair returns the two ends of a socket for messages.
func socketPair() (ours, theirs *os.File, err error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	return os.NewFile(uintptr(ends[0]), "keeper"), os.NewFile(uintptr(ends[1]), "worker"), nil
}

// duplicate returns another descriptor of the same file.
func duplicate(fd int) (int, error) {
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}
