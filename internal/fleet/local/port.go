package local

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const maxPort = 65535

// lowestFreePort returns the lowest port from basePort up that no child has and no
// program listens on. Another program may take the port before the child does: then
// the child fails, and the next one gets another port. An error other than "address
// in use" would be the same for all ports, and ends the search.
func (f *Fleet) lowestFreePort() (int, error) {
	own := make(map[int]bool, len(f.children))
	for _, c := range f.children {
		own[c.port] = true
	}
	first := f.settings().BasePort
	for port := first; port <= maxPort; port++ {
		if own[port] {
			continue
		}
		switch err := f.bind(port); {
		case err == nil:
			return port, nil
		case errors.Is(err, syscall.EADDRINUSE):
		case errors.Is(err, syscall.EACCES):
			return 0, fmt.Errorf("dynlb may not listen on port %d: set basePort (%d) to one that it may, such as 20000: %w", port, first, err)
		default:
			return 0, fmt.Errorf("find a free port from basePort %d: %w", first, err)
		}
	}
	return 0, fmt.Errorf("no port is free from basePort %d to %d", first, maxPort)
}

// bindPort listens on port, on any address, for a moment. The error is
// syscall.EADDRINUSE when a program listens there.
func bindPort(port int) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port)) //nolint:noctx // returns at once
	if err != nil {
		return err // has the address and the cause
	}
	return l.Close()
}
