package fastpath

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socket is the descriptor of a socket that does not block. Reading and writing
// are raw system calls, which do not tell the scheduler: they return at once.
type socket int32

// read reads into p. At the end it returns 0 without an error.
func (s socket) read(p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// write writes what it can of b.
func (s socket) write(b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// writev writes what it can of several pieces.
func (s socket) writev(pieces []unix.Iovec) (int, syscall.Errno) {
	message := unix.Msghdr{Iov: unsafe.SliceData(pieces)} //nolint:gosec // G103: the kernel is done with it when the call returns
	message.SetIovlen(len(pieces))
	n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(s), uintptr(unsafe.Pointer(&message)), unix.MSG_NOSIGNAL) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// quiet reports whether there is nothing to be read, not even an end.
func (s socket) quiet() bool {
	_, errno := s.peek()
	return errno == syscall.EAGAIN
}

// peek returns how many bytes there are to be read, as far as one. At the end it
// returns 0 without an error.
func (s socket) peek() (int, syscall.Errno) {
	var one [1]byte
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(&one)), 1, unix.MSG_PEEK, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// untaken returns how many bytes were written that the peer has not taken.
func (s socket) untaken() int {
	n, err := unix.IoctlGetInt(int(s), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// failure returns why connecting failed, or 0.
func (s socket) failure() syscall.Errno {
	n, err := unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return syscall.EBADF
	}
	return syscall.Errno(n)
}

// closeWrite ends what is written.
func (s socket) closeWrite() { _ = unix.Shutdown(int(s), unix.SHUT_WR) } // a broken one needs none

// close closes the socket. What was written still goes out.
func (s socket) close() { _ = unix.Close(int(s)) } // nothing can be done

// reset closes the socket so that the peer sees that something is wrong.
func (s socket) reset() {
	_ = unix.SetsockoptLinger(int(s), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	s.close()
}

// keepAlive is when a connection that is silent is probed, and how often: as
// package net does. It is what ends tunnels to peers that vanished.
const keepAlive = 15 // seconds

// setUp sets the options of a socket, which those that are accepted on it
// inherit: what is written goes out at once, and a vanished peer is noticed.
func setUp(fd int) {
	for _, o := range [][3]int{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAlive},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAlive},
	} {
		_ = unix.SetsockoptInt(fd, o[0], o[1], o[2]) // a Unix socket has none, and needs none
	}
}

// dialSocket begins to connect to an address.
func dialSocket(to unix.Sockaddr) (socket, error) {
	family := unix.AF_INET
	if _, ok := to.(*unix.SockaddrInet6); ok {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	setUp(fd)
	if err := unix.Connect(fd, to); err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return -1, err
	}
	return socket(fd), nil
}
