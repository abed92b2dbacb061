package eventloop

import (
	"fmt"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Detach takes an accepted connection out of the loop, and returns it as one of
// package net. Its first bytes are unread, what was read and not used. It counts as
// one of the group's until it is closed. On error the connection stays as it is.
func (c *Conn) Detach(unread []byte) (net.Conn, error) {
	// The other descriptor would keep the socket in the poller: it is taken out.
	fd, err := unix.FcntlInt(uintptr(c.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("detach connection: %w", os.NewSyscallError("dup", err))
	}
	file := os.NewFile(uintptr(fd), "")
	defer func() { _ = file.Close() }() // FileConn has another
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("detach connection: %w", err)
	}
	l := c.loop
	l.poller.remove(c.fd)
	d := &detached{Conn: conn, unread: append([]byte(nil), unread...), group: l.group}
	c.leave()
	c.fd.Close()
	return d, nil
}

// detached is a connection that was taken out of its loop.
type detached struct {
	net.Conn
	unread []byte
	group  *Group
	closed sync.Once
}

// Read hands out what was read already, and then what comes.
func (d *detached) Read(p []byte) (int, error) {
	if len(d.unread) == 0 {
		return d.Conn.Read(p)
	}
	n := copy(p, d.unread)
	if d.unread = d.unread[n:]; len(d.unread) == 0 {
		d.unread = nil
	}
	return n, nil
}

// CloseWrite ends output, where the connection can do that.
func (d *detached) CloseWrite() error {
	if half, ok := d.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection.
func (d *detached) Close() error {
	d.closed.Do(d.group.releaseConn)
	return d.Conn.Close()
}
