package fastpath

import (
	"bytes"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// handOver gives the connection away, with b, all that was read and not used. It
// counts as one of the engine's until it is closed.
func (c *conn) handOver(b []byte) {
	e := c.loop.engine
	conn, err := c.fd.conn(c.loop.epoll)
	if err != nil {
		e.options.Log.Warn("cannot hand a connection over", "cause", err)
		c.close()
		return
	}
	unread := bytes.Clone(b)
	c.leave()
	c.fd.close() // conn has a descriptor of its own
	e.options.Handover(conn, unread, sync.OnceFunc(e.left))
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
