package fastpath

import (
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// handedOver is a client's connection of which some bytes were read already. It
// counts as one of the engine's until it is closed.
type handedOver struct {
	net.Conn
	unread []byte
	engine *Engine
	closed sync.Once
}

// Read hands out what was read already, and then what comes.
func (h *handedOver) Read(p []byte) (int, error) {
	if len(h.unread) == 0 {
		return h.Conn.Read(p)
	}
	n := copy(p, h.unread)
	if h.unread = h.unread[n:]; len(h.unread) == 0 {
		h.unread = nil
	}
	return n, nil
}

// CloseWrite ends what is written, where the connection can do that.
func (h *handedOver) CloseWrite() error {
	if half, ok := h.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection.
func (h *handedOver) Close() error {
	h.closed.Do(h.engine.left)
	return h.Conn.Close()
}

// conn returns the socket as one of package net, with a descriptor of its own.
// It takes it out of the epoll, where that descriptor would keep it.
func (s socket) conn(epoll int) (net.Conn, error) {
	fd, err := unix.FcntlInt(uintptr(s), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	file := os.NewFile(uintptr(fd), "")
	defer func() { _ = file.Close() }() // FileConn has another
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, err
	}
	_ = unix.EpollCtl(epoll, unix.EPOLL_CTL_DEL, int(s), nil) // it is there
	return conn, nil
}
