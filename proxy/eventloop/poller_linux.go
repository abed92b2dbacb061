package eventloop

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// batch is how many events are taken from the kernel at a time. The smaller it is,
// the less the readiness of connections can be out of date.
const batch = 128

// events is the readiness of a descriptor. The poller reports each change.
type events uint32

// The kinds of readiness.
const (
	readable events = unix.EPOLLIN
	ended    events = unix.EPOLLRDHUP // the peer sends nothing more
	writable events = unix.EPOLLOUT
	broken   events = unix.EPOLLERR | unix.EPOLLHUP
	failed   events = unix.EPOLLERR
)

// interest is the set of events that a connection is registered for, once.
const interest = uint32(readable|writable|ended) | unix.EPOLLET

// shortWait is for how long a loop that keeps its processor waits, in milliseconds, before
// it lets go of it. Under load a loop waits for some 50 us. The longer the time, the
// longer an idle loop keeps others from the processor.
const shortWait = 2

// poller tells a loop which descriptors are ready: an epoll, and an eventfd with
// which other goroutines interrupt its waiting.
type poller struct {
	epoll, wakeup int
	keeps         bool // its loop may keep its processor for shortWait
	events        [batch]unix.EpollEvent
}

// open creates the descriptors.
func (p *poller) open() error {
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if p.wakeup, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		_ = unix.Close(p.epoll)
		return err
	}
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(p.wakeup)}
	if err = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, p.wakeup, &event); err != nil {
		_ = unix.Close(p.epoll)
		_ = unix.Close(p.wakeup)
	}
	return err
}

// close closes the epoll. The eventfd belongs to the inbox.
func (p *poller) close() { _ = unix.Close(p.epoll) }

// add registers a connection. turn tells it from others that had its descriptor.
func (p *poller) add(fd Socket, turn uint32) error {
	event := unix.EpollEvent{Events: interest, Fd: int32(fd), Pad: int32(turn)}
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, int(fd), &event)
}

// addListener registers the socket of a listener, which other pollers share: the
// kernel wakes one of them for a connection.
func (p *poller) addListener(fd Socket) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(fd)}
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, int(fd), &event)
}

// remove takes a descriptor out, which is registered.
func (p *poller) remove(fd Socket) {
	_ = unix.EpollCtl(p.epoll, unix.EPOLL_CTL_DEL, int(fd), nil)
}

// wait blocks until there are events, or for the given milliseconds; negative:
// without end. It returns how many there are, or false when the kernel was
// interrupted.
//
// Go's scheduler gives the processor of a goroutine to another one when a system call
// takes long, and its thread has to find one again. If the loop keeps its processor,
// short waits do not cost that. To stop the world, the scheduler sends a signal, which
// interrupts the wait.
func (p *poller) wait(timeout int) (int, bool) {
	if p.keeps {
		first := shortWait
		if timeout >= 0 {
			first = min(first, timeout)
		}
		n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events)), batch, uintptr(first), 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
		if n > 0 || errno != 0 || first == timeout {
			return int(n), errno == 0
		}
		if timeout > 0 {
			timeout -= first
		}
	}
	n, _, errno := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events)), batch, uintptr(timeout), 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	return int(n), errno == 0
}

// poll returns how many events there are now.
func (p *poller) poll() int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.epoll), uintptr(unsafe.Pointer(&p.events)), batch, 0, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return 0
	}
	return int(n)
}

// wake interrupts wait. Any goroutine may call it.
func (p *poller) wake() {
	one := uint64(1)
	_, _, _ = syscall.RawSyscall(unix.SYS_WRITE, uintptr(p.wakeup), uintptr(unsafe.Pointer(&one)), 8) //nolint:gosec // G103: the kernel is done with it when the call returns
}

// woken resets the eventfd after wake.
func (p *poller) woken() {
	var count uint64
	_, _, _ = syscall.RawSyscall(unix.SYS_READ, uintptr(p.wakeup), uintptr(unsafe.Pointer(&count)), 8) //nolint:gosec // G103: the kernel is done with it when the call returns
}

// closeWakeup closes the eventfd. There is no wake afterwards.
func (p *poller) closeWakeup() { _ = unix.Close(p.wakeup) }
