package fastpath

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

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
		fd, from, err := accept(conn)
		switch {
		case err == nil:
			pause = 0
			a.engine.enter(fd, from)
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
	for {
		limit := int64(a.engine.settings.Load().MaxConnections)
		if limit == 0 || a.engine.open.Load() < limit {
			return !a.isStopped()
		}
		select {
		case <-a.engine.room:
		case <-a.stopped:
			return false
		}
	}
}

// accept waits for a connection.
func accept(conn syscall.RawConn) (fd int, from unix.Sockaddr, err error) {
	wait := conn.Read(func(listener uintptr) bool {
		fd, from, err = unix.Accept4(int(listener), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		return err != syscall.EAGAIN //nolint:errorlint // it is an Errno
	})
	if wait != nil {
		return -1, nil, wait
	}
	return fd, from, err
}

// enter takes on a client's connection.
func (l *loop) enter(fd socket, from unix.Sockaddr) {
	c := &conn{fd: fd, state: awaiting}
	var ip netip.Addr
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		ip, c.port = netip.AddrFrom4(from.Addr), uint16(from.Port)
	case *unix.SockaddrInet6:
		ip, c.port = netip.AddrFrom16(from.Addr).Unmap(), uint16(from.Port)
	}
	if ip.IsValid() {
		c.remote = ip.String()
	}
	if l.engine.closing.Load() || l.add(c) != nil {
		fd.close()
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
