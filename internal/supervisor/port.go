package supervisor

import (
	"fmt"
	"net"
	"strconv"
)

const maxPort = 65535

// lowestFreePort returns the lowest port from basePort on that no child has and
// nothing listens on. Somebody may still take it before the child does: then
// the child fails, and the next one gets the next port.
func (s *Supervisor) lowestFreePort() (int, error) {
	taken := make(map[int]bool, len(s.children))
	for _, c := range s.children {
		taken[c.port] = true
	}
	first := s.now().BasePort
	for port := first; port <= maxPort; port++ {
		if !taken[port] && s.free(port) {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no port is free from basePort %d to %d", first, maxPort)
}

// portFree reports whether nothing listens on port, on any address.
func portFree(port int) bool {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port)) //nolint:noctx // returns at once
	if err != nil {
		return false
	}
	return l.Close() == nil
}
