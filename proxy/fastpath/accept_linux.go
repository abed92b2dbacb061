package fastpath

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
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

// acceptor accepts the connections of one listener.
type acceptor struct {
	engine   *Engine
	listener net.Listener
	file     *os.File // its socket, with a descriptor of its own
	once     sync.Once
	stopped  chan struct{}

	onReady func(listener uintptr) bool // ready
	fd      socket                      // what ready found
	from    unix.RawSockaddrAny
	errno   syscall.Errno
}

// stop ends the acceptor, and closes its listener.
func (a *acceptor) stop() {
	a.once.Do(func() {
		close(a.stopped)
		_ = a.listener.Close() // nothing can be done
		_ = a.file.Close()
	})
}

// Serve accepts connections on l, until Shutdown; then it returns nil. It closes
// l, which must be one of package net: it fails with errors.ErrUnsupported, and
// leaves l alone, when that has no socket. It may be called for several listeners.
func (e *Engine) Serve(l net.Listener) error {
	socket, ok := l.(interface{ File() (*os.File, error) })
	if !ok {
		return fmt.Errorf("serve %v: %T has no socket: %w", l.Addr(), l, errors.ErrUnsupported)
	}
	file, err := socket.File()
	if err != nil {
		_ = l.Close()
		if e.closing.Load() {
			return nil
		}
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	a := &acceptor{engine: e, listener: l, file: file, stopped: make(chan struct{})}
	a.onReady = a.ready
	defer a.stop()
	if err := e.start(a); err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	defer e.forget(a)
	if err := a.run(); err != nil {
		return fmt.Errorf("serve %v: %w", l.Addr(), err)
	}
	return nil
}

// run accepts until stop.
func (a *acceptor) run() error {
	conn, err := a.file.SyscallConn()
	if err != nil {
		return err
	}
	_ = conn.Control(func(fd uintptr) { setUp(int(fd)) }) // fails as accepting does
	var pause time.Duration
	for a.awaitRoom() {
		from, err := a.accept(conn)
		switch {
		case err == nil:
			pause = 0
			a.engine.enter(from)
		case temporary(err):
			pause = min(max(2*pause, minPause), maxPause)
			a.engine.options.Log.Warn(fmt.Sprintf("http: Accept error: %v; retrying in %v", err, pause))
			select {
			case <-time.After(pause):
			case <-a.stopped:
			}
		case a.isStopped():
			return nil
		default:
			return err
		}
	}
	return nil
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

// awaitRoom returns when another connection may be accepted, or false when none
// is to be any more.
func (a *acceptor) awaitRoom() bool {
	for waited := false; ; waited = true {
		limit := int64(a.engine.settings.Load().MaxConnections)
		if limit == 0 || a.engine.open.Load() < limit {
			if waited {
				a.engine.vacate() // for the other listeners
			}
			return !a.isStopped()
		}
		select {
		case <-a.engine.room:
		case <-a.stopped:
			return false
		}
	}
}

// arrival is a connection of a client that was accepted.
type arrival struct {
	fd     socket
	remote string // its IP address, "" when it has none
	port   uint16
}

// accept waits for a connection.
func (a *acceptor) accept(conn syscall.RawConn) (arrival, error) {
	if err := conn.Read(a.onReady); err != nil {
		return arrival{}, err
	}
	if a.errno != 0 {
		return arrival{}, a.errno
	}
	from := arrival{fd: a.fd}
	var ip netip.Addr
	switch a.from.Addr.Family {
	case unix.AF_INET:
		raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(&a.from)) //nolint:gosec // G103: as the family says
		ip, from.port = netip.AddrFrom4(raw.Addr), hostOrder(raw.Port)
	case unix.AF_INET6:
		raw := (*unix.RawSockaddrInet6)(unsafe.Pointer(&a.from)) //nolint:gosec // G103: as the family says
		ip, from.port = netip.AddrFrom16(raw.Addr).Unmap(), hostOrder(raw.Port)
	}
	if ip.IsValid() {
		from.remote = ip.String()
	}
	return from, nil
}

// hostOrder returns a port that the kernel gave in network byte order.
func hostOrder(port uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, port))
}

// ready accepts a connection, unless there is none. Package unix would allocate
// what it says of it.
func (a *acceptor) ready(listener uintptr) bool {
	size := uint32(unix.SizeofSockaddrAny)
	a.from.Addr.Family = unix.AF_UNSPEC
	fd, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, listener, uintptr(unsafe.Pointer(&a.from)), uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0) //nolint:gosec // G103: the kernel is done with it when the call returns
	a.fd, a.errno = socket(fd), errno
	return errno != syscall.EAGAIN
}

// enter takes on a client's connection.
func (l *loop) enter(from arrival) {
	c := &conn{fd: from.fd, remote: from.remote, port: from.port, state: awaiting}
	if l.engine.closing.Load() || l.add(c) != nil {
		from.fd.close()
		l.load.Add(-1)
		l.engine.left()
		return
	}
	c.within(int64(l.settings.HeadTimeout))
}

// temporary reports whether an error of accepting says nothing about the
// listener.
func temporary(err error) bool {
	switch err { //nolint:errorlint // they are bare Errnos
	case syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EPROTO, syscall.EINTR:
		return true
	}
	return false
}
