//go:build unix

package std

import (
	"net"
	"os"
	"syscall"
)

// acceptWaiting accepts a connection that waits, and does not wait for one. It returns
// nil when there is none, or the listener has no socket. Accept with a deadline cannot do
// that: it waits until the deadline, and accepts none afterwards.
func acceptWaiting(l net.Listener) net.Conn {
	source, ok := l.(syscall.Conn)
	if !ok {
		return nil
	}
	socket, err := source.SyscallConn()
	if err != nil {
		return nil
	}
	fd := -1
	syscall.ForkLock.RLock() // no child gets the connection
	controlErr := socket.Control(func(listener uintptr) {
		if fd, _, err = syscall.Accept(int(listener)); err == nil {
			syscall.CloseOnExec(fd)
			err = syscall.SetNonblock(fd, true)
		}
	})
	syscall.ForkLock.RUnlock()
	if fd < 0 || controlErr != nil {
		return nil
	}
	file := os.NewFile(uintptr(fd), "connection")
	defer file.Close()
	if err != nil {
		return nil
	}
	conn, err := net.FileConn(file) // with a descriptor of its own
	if err != nil {
		return nil
	}
	return conn
}
