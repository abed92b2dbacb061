package local

import (
	"net"
	"strconv"
)

const maxPort = 65535

// bindPort listens on port, on any address, for a moment. The error is
// syscall.EADDRINUSE when a program listens there.
func bindPort(port int) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port)) //nolint:noctx // returns at once
	if err != nil {
		return err // has the address and the cause
	}
	return l.Close()
}
