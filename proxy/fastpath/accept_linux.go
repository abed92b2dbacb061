package fastpath

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// How long accepting pauses when there are no descriptors left, say: as net/http
// does, from the shorter to the longer.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// acceptBatch is how many connections a loop accepts before it looks at what else
// there is to do.
const acceptBatch = 16

// imbalance is how many connections more than the least loaded loop one keeps that
// it has accepted itself: to hand one over wakes the other.
const imbalance = 2

// acceptor accepts the connections of one listener. All loops have its socket in
// their epoll; the kernel wakes one of them for a connection (EPOLLEXCLUSIVE).
type acceptor struct {
	engine   *Engine
	listener net.Listener
	file     *os.File // its socket, with a descriptor of its own
	fd       socket   // of file
	once     sync.Once
	stopped  chan struct{}
	users    atomic.Int32 // of file: loops, and Serve
	err      error        // why it stopped; nil when it was told to. Set before stopped is closed
}

// stop closes the listener; Serve does the rest.
func (a *acceptor) stop(err error) {
	a.once.Do(func() {
		a.err = err
		_ = a.listener.Close()                       // nothing can be done
		_ = unix.Shutdown(int(a.fd), unix.SHUT_RDWR) // the socket is still open, and takes no more
		close(a.stopped)
	})
}

// leave is called by each user of file. The last one closes it.
func (a *acceptor) leave() {
	if a.users.Add(-1) == 0 {
		_ = a.file.Close()
	}
}

// Serve accepts connections on l, until Shutdown or Leave; then it returns nil. It
// closes l, which must be one of package net: it fails with errors.ErrUnsupported,
// and leaves l alone, when that has no socket. It may be called for several
// listeners.
func (e *Engine) Serve(l net.Listener) error {
	source, ok := l.(interface{ File() (*os.File, error) })
	if !ok {
		return fmt.Errorf("serve %v: %T has no socket: %w", l.Addr(), l, errors.ErrUnsupported)
	}
	file, err := source.File()
	if err != nil {
		_ = l.Close()
		if e.closing.Load() {
			return nil
		}
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	a := &acceptor{engine: e, listener: l, file: file, fd: socket(file.Fd()), stopped: make(chan struct{})}
	_ = unix.SetNonblock(int(a.fd), true) // Fd has made it block
	setUp(int(a.fd))
	a.users.Store(1)
	defer a.leave()
	defer a.stop(nil)
	if err := e.start(a); err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	<-a.stopped
	e.forget(a)
	e.each(func(l *loop) { l.unlisten(a) })
	if a.err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), a.err)
	}
	return nil
}

// listening is an acceptor in a loop.
type listening struct {
	*acceptor
	loop   *loop
	timer  timer         // ends a pause
	pause  time.Duration // the last one after an error
	paused bool          // it is not in the epoll
}

// listen begins to accept.
func (l *loop) listen(a *acceptor) {
	in := &listening{acceptor: a, loop: l, paused: true}
	in.timer.owner = in
	l.listeners = append(l.listeners, in)
	in.resume()
}

// unlisten forgets an acceptor.
func (l *loop) unlisten(a *acceptor) {
	i := slices.IndexFunc(l.listeners, func(in *listening) bool { return in.acceptor == a })
	if i < 0 {
		return
	}
	in := l.listeners[i]
	in.suspend()
	l.wheel.take(&in.timer)
	l.listeners = slices.Delete(l.listeners, i, i+1)
	a.leave()
}

// knock is called when a descriptor is ready that is no connection's.
func (l *loop) knock(fd socket) {
	for _, in := range l.listeners {
		if in.fd == fd {
			in.accept()
			return
		}
	}
}

// accept accepts the connections that there are.
func (in *listening) accept() {
	l := in.loop
	for range acceptBatch {
		if !in.takeRoom() {
			return
		}
		from, errno := in.next()
		if errno != 0 {
			l.engine.left() // the room that nobody came for
		}
		switch {
		case errno == 0:
			in.pause = 0
			l.engine.enter(l, from)
		case errno == syscall.EAGAIN:
			return
		case temporary(errno):
			in.pause = min(max(2*in.pause, minPause), maxPause)
			l.engine.options.Log.Warn(fmt.Sprintf("http: Accept error: %v; retrying in %v", errno, in.pause))
			in.suspend()
			l.wheel.set(&in.timer, l.now+int64(in.pause))
			return
		default:
			in.suspend()
			if !l.engine.closing.Load() && !in.isStopped() {
				in.stop(errno)
			}
			return
		}
	}
}

// isStopped reports whether stop was called.
func (a *acceptor) isStopped() bool {
	select {
	case <-a.stopped:
		return true
	default:
		return false
	}
}

// takeRoom counts another connection, before it is accepted: loops accept at the
// same time. When there is no room, it suspends accepting until there is, and
// returns false: see Engine.left.
func (in *listening) takeRoom() bool {
	e := in.loop.engine
	limit := int64(e.settings.Load().MaxConnections)
	if e.open.Add(1) <= limit || limit == 0 {
		return true
	}
	in.suspend()
	e.full.Store(true)
	if e.open.Add(-1) < limit { // it has just been left
		e.vacate()
	}
	return false
}

// suspend takes the listener out of the epoll, where it would wake the loop
// again and again.
func (in *listening) suspend() {
	if !in.paused {
		in.paused = true
		_ = unix.EpollCtl(in.loop.epoll, unix.EPOLL_CTL_DEL, int(in.fd), nil) // it is there
	}
}

// resume puts it back.
func (in *listening) resume() {
	if !in.paused || in.isStopped() {
		return
	}
	in.timer.clear()
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLEXCLUSIVE, Fd: int32(in.fd)}
	if err := unix.EpollCtl(in.loop.epoll, unix.EPOLL_CTL_ADD, int(in.fd), &event); err != nil {
		in.loop.wheel.set(&in.timer, in.loop.now+int64(maxPause))
		return
	}
	in.paused = false
}

// expired is called when a pause is over.
func (in *listening) expired() { in.resume() }

// arrival is a connection of a client that was accepted.
type arrival struct {
	fd     socket
	remote string // its IP address, "" when it has none
	port   uint16
}

// next accepts a connection, if there is one. Package unix would allocate what it
// says of it.
func (in *listening) next() (arrival, syscall.Errno) {
	peer := &in.loop.peer
	size := uint32(unix.SizeofSockaddrAny)
	peer.Addr.Family = unix.AF_UNSPEC
	fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(in.fd), uintptr(unsafe.Pointer(peer)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	if errno != 0 {
		return arrival{}, errno
	}
	from := arrival{fd: socket(fd)}
	var ip netip.Addr
	switch peer.Addr.Family {
	case unix.AF_INET:
		raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(peer)) //nolint:gosec // G103: as the family says
		ip, from.port = netip.AddrFrom4(raw.Addr), hostOrder(raw.Port)
	case unix.AF_INET6:
		raw := (*unix.RawSockaddrInet6)(unsafe.Pointer(peer)) //nolint:gosec // G103: as the family says
		ip, from.port = netip.AddrFrom16(raw.Addr).Unmap(), hostOrder(raw.Port)
	}
	if ip.IsValid() {
		from.remote = ip.String()
	}
	return from, 0
}

// hostOrder returns a port that the kernel gave in network byte order.
func hostOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, port))
}

// enter takes on a client's connection.
func (l *loop) enter(from arrival) {
	c := &conn{fd: from.fd, remote: from.remote, port: from.port, state: awaiting}
	if l.add(c) != nil {
		from.fd.close()
		l.load.Add(-1)
		l.engine.left()
		return
	}
	if l.engine.closing.Load() {
		c.lastCall()
		return
	}
	c.within(int64(l.settings.HeadTimeout))
}

// temporary reports whether an error of accepting says nothing about the
// listener.
func temporary(errno syscall.Errno) bool {
	switch errno {
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO, syscall.EINTR:
		return true
	default:
		return false
	}
}
