package eventloop

import (
	"encoding/binary"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The pauses after an error such as a lack of descriptors: each is twice as long as
// the one before, within these bounds, as net/http does it.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// acceptBatch is how many connections a loop accepts before it goes on with other
// work: 16 take about 0.1 ms.
const acceptBatch = 16

// Arrival is a connection that was accepted.
type Arrival struct {
	// Socket is its socket.
	Socket Socket
	// Peer is the address of the peer. It is not valid when the peer has none, as
	// on a Unix socket.
	Peer netip.AddrPort
}

// acceptReady accepts on the listener whose descriptor is ready.
func (l *Loop) acceptReady(fd Socket) {
	for _, in := range l.listeners {
		if in.fd == fd {
			in.accept()
			return
		}
	}
}

// accept accepts the connections that wait, a batch at most. It reports whether more may
// wait.
func (in *listening) accept() (more bool) {
	l := in.loop
	for range acceptBatch {
		if !in.takeRoom() {
			return false
		}
		from, errno := in.next()
		if errno != 0 {
			l.group.releaseConn() // the room was not used
		}
		switch {
		case errno == 0:
			in.pause = 0
			l.group.place(l, from)
		case errno == syscall.EAGAIN:
			return false
		case temporary(errno):
			in.pause = min(max(2*in.pause, minPause), maxPause)
			l.group.options.Log.Warn("accept connection failed", "cause", errno, "pause", in.pause)
			in.suspend()
			l.wheel.set(&in.timer, l.clock.now+int64(in.pause))
			return false
		default:
			in.suspend()
			if !l.group.Closing() && !in.isStopped() {
				in.stop(errno)
			}
			return false
		}
	}
	return true
}

// next accepts a connection, if there is one. Package unix would allocate the
// address of the peer.
func (in *listening) next() (Arrival, syscall.Errno) {
	peer := &in.loop.peer
	size := uint32(unix.SizeofSockaddrAny)
	peer.Addr.Family = unix.AF_UNSPEC
	fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(in.fd), uintptr(unsafe.Pointer(peer)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return Arrival{}, errno
	}
	from := Arrival{Socket: Socket(fd)}
	switch peer.Addr.Family {
	case unix.AF_INET:
		raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(peer)) //nolint:gosec // G103: as the family says
		from.Peer = netip.AddrPortFrom(netip.AddrFrom4(raw.Addr), hostOrder(raw.Port))
	case unix.AF_INET6:
		raw := (*unix.RawSockaddrInet6)(unsafe.Pointer(peer)) //nolint:gosec // G103: as the family says
		from.Peer = netip.AddrPortFrom(netip.AddrFrom16(raw.Addr).Unmap(), hostOrder(raw.Port))
	}
	return from, 0
}

// hostOrder returns a port that the kernel gave in network byte order.
func hostOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, port))
}
