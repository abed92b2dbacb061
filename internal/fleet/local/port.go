package local

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

const maxPort = 65535

// lowestFreePort returns the lowest port from basePort on that no child has and
// nothing listens on. Somebody may still take it before the child does: then
// the child fails, and the next one gets the next port. That it cannot be told
// whether a port is free says nothing about the ports, and ends the search.
func (s *Fleet) lowestFreePort() (int, error) {
	own := make(map[int]bool, len(s.children))
	for _, c := range s.children {
		own[c.port] = true
	}
	first := s.now().BasePort
	for port := first; port <= maxPort; port++ {
		if own[port] {
			continue
		}
		switch err := s.bind(port); {
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
// syscall.EADDRINUSE when somebody else does.
func bindPort(port int) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port)) //nolint:noctx // returns at once
	if err != nil {
		return err // says what and where
	}
	return l.Close()
}
