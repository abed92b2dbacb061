package process

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// ErrUnsupported tells that who listens on a port cannot be found out: not on
// this system, or not with dynlb's permissions. The check is to be skipped then,
// not failed. It wraps errors.ErrUnsupported.
var ErrUnsupported = fmt.Errorf("owner of a port unknown: %w", errors.ErrUnsupported)

// Listening says whether a child listens on a port, and where else.
type Listening struct {
	// Port is the port asked about.
	Port int
	// Owned tells that the child's processes, and nobody else's, listen on
	// Port where a connection to a loopback address gets to.
	Owned bool
	// Taken tells that somebody else's process listens on Port there.
	Taken bool
	// Ports are all TCP ports the child's processes listen on, ascending. It
	// is nil when Owned.
	Ports []int
}

// String says it in words: "listens on 3000, not on 5001".
func (l Listening) String() string {
	switch {
	case l.Owned:
		return fmt.Sprintf("listens on %d", l.Port)
	case l.Taken && slices.Contains(l.Ports, l.Port):
		return fmt.Sprintf("shares port %d with another program", l.Port)
	case l.Taken && len(l.Ports) > 0:
		return fmt.Sprintf("listens on %s; port %d belongs to another program", joinPorts(l.Ports), l.Port)
	case l.Taken:
		return fmt.Sprintf("does not listen; port %d belongs to another program", l.Port)
	case slices.Contains(l.Ports, l.Port):
		return fmt.Sprintf("listens on %d, but not on a loopback address", l.Port)
	case len(l.Ports) > 0:
		return fmt.Sprintf("listens on %s, not on %d", joinPorts(l.Ports), l.Port)
	default:
		return fmt.Sprintf("does not listen on %d or any other port", l.Port)
	}
}

// joinPorts lists ports for a sentence: "3000", "3000 and 3001".
func joinPorts(ports []int) string {
	words := make([]string, len(ports))
	for i, port := range ports {
		words[i] = strconv.Itoa(port)
	}
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}

// ListensOn finds out whether the child listens on a TCP port. Its processes are
// those of its group and all their descendants. It reads /proc, which takes a few
// milliseconds (most of them for the kernel's table of connections), and more on
// a machine with thousands of processes unless the child itself owns the port.
//
// The error is os.ErrProcessDone when the child has been reaped, and wraps
// ErrUnsupported when there is no telling.
func (p *Process) ListensOn(port int) (Listening, error) {
	p.mu.Lock()
	reaped := p.reaped
	p.mu.Unlock()
	if reaped {
		return Listening{Port: port}, os.ErrProcessDone
	}
	return listensOn(p.PID(), port)
}
