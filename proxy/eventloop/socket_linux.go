package eventloop

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Socket is the descriptor of a socket that does not block. Reading and writing
// are raw system calls, which do not tell the scheduler: they return at once.
type Socket int32

// Read reads into p. At the end of input it returns 0 without an error.
func (s Socket) Read(p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), 0, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// Write writes as much of b as the socket takes.
func (s Socket) Write(b []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// writev writes as much of several pieces as the socket takes.
func (s Socket) writev(pieces []unix.Iovec) (int, syscall.Errno) {
	message := unix.Msghdr{Iov: unsafe.SliceData(pieces)} //nolint:gosec // G103: the kernel is done with it when the call returns
	message.SetIovlen(len(pieces))
	n, _, errno := syscall.RawSyscall(unix.SYS_SENDMSG, uintptr(s), uintptr(unsafe.Pointer(&message)), unix.MSG_NOSIGNAL) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// Peek returns 1 if there is a byte to read. At the end of input it returns 0 without an
// error, and before anything has arrived EAGAIN.
func (s Socket) Peek() (int, syscall.Errno) {
	var one [1]byte
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s), uintptr(unsafe.Pointer(&one)), 1, unix.MSG_PEEK, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// Quiet reports whether there is nothing to be read, not even the end of input.
func (s Socket) Quiet() bool {
	_, errno := s.Peek()
	return errno == syscall.EAGAIN
}

// pending reports whether a connection waits to be accepted on a listening socket.
func (s Socket) pending() bool {
	fds := []unix.PollFd{{Fd: int32(s), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	return n > 0 || err != nil // after an error, accepting tells
}

// untaken returns how many bytes were written that the peer has not taken.
func (s Socket) untaken() int {
	n, err := unix.IoctlGetInt(int(s), unix.SIOCOUTQ)
	if err != nil {
		return 0
	}
	return n
}

// Local returns the address that the peer has connected to. It is not valid when there
// is none, as on a Unix socket.
func (s Socket) Local() netip.AddrPort {
	at, err := unix.Getsockname(int(s))
	if err != nil {
		return netip.AddrPort{}
	}
	switch at := at.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(at.Addr).Unmap(), uint16(at.Port))
	default:
		return netip.AddrPort{}
	}
}

// Failure returns the pending error of the socket, or 0: why connecting failed.
func (s Socket) Failure() syscall.Errno {
	n, err := unix.GetsockoptInt(int(s), unix.SOL_SOCKET, unix.SO_ERROR)
	if err != nil {
		return syscall.EBADF
	}
	return syscall.Errno(n)
}

// CloseWrite ends output. A broken socket has none to end.
func (s Socket) CloseWrite() { _ = unix.Shutdown(int(s), unix.SHUT_WR) }

// Close closes the socket. Bytes that were written still go out.
func (s Socket) Close() { _ = unix.Close(int(s)) }

// reset closes the socket in a way that the peer sees as an error.
func (s Socket) reset() {
	_ = unix.SetsockoptLinger(int(s), unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	s.Close()
}

// keepAlive is how long a connection is silent before it is probed, and the time
// between probes, in seconds: as package net does. Probes find peers that vanished.
const keepAlive = 15

// setOptions sets the options of a socket; sockets that are accepted on it inherit
// them. Writes go out at once, and a vanished peer is noticed.
func setOptions(fd int) {
	for _, o := range [][3]int{
		{unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, keepAlive},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, keepAlive},
	} {
		_ = unix.SetsockoptInt(fd, o[0], o[1], o[2]) // a Unix socket has none, and needs none
	}
}

// Address is where Dial connects to. The zero value is no address.
type Address struct{ sockaddr unix.Sockaddr }

// ResolveAddress returns the address of a network and address as package net names
// them: "tcp" with an IP address and a port, or "unix" with a path. Host names are
// an error: looking one up would block.
func ResolveAddress(network, address string) (Address, error) {
	switch network {
	case "tcp":
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return Address{}, fmt.Errorf("parse address: %w", err)
		}
		if ip := at.Addr().Unmap(); ip.Is4() {
			return Address{&unix.SockaddrInet4{Port: int(at.Port()), Addr: ip.As4()}}, nil
		}
		return Address{&unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}}, nil
	case "unix":
		return Address{&unix.SockaddrUnix{Name: address}}, nil
	default:
		return Address{}, fmt.Errorf("parse address %s: %w", address, net.UnknownNetworkError(network))
	}
}

// Dial begins to connect to an address. The socket is writable when it is
// connected; Failure says why it is not.
func Dial(to Address) (Socket, error) {
	family := unix.AF_INET
	switch to.sockaddr.(type) {
	case *unix.SockaddrInet6:
		family = unix.AF_INET6
	case *unix.SockaddrUnix:
		family = unix.AF_UNIX
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	if family != unix.AF_UNIX { // a Unix socket has no such options, and needs none
		setOptions(fd)
	}
	if err := unix.Connect(fd, to.sockaddr); err != nil && err != unix.EINPROGRESS {
		_ = unix.Close(fd)
		return -1, err
	}
	return Socket(fd), nil
}
