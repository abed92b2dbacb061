package eventloop

import (
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Detach takes an accepted connection out of the loop, and returns it as one of
// package net. The bytes that it holds are forgotten. It counts as open until closed
// is called. On error the connection stays in the loop.
func (c *Conn) Detach() (conn net.Conn, closed func(), err error) {
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("detach connection: %w", os.NewSyscallError("dup", err))
	}
	file := os.NewFile(uintptr(fd), "")
	defer func() { _ = file.Close() }() // FileConn has another
	if conn, err = net.FileConn(file); err != nil {
		return nil, nil, fmt.Errorf("detach connection: %w", err)
	}
	l := c.loop
	l.poller.remove(c.fd) // where the other descriptor would keep the socket
	c.leave()
	c.fd.Close()
	return conn, sync.OnceFunc(l.group.releaseConn), nil
}
