package procfs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ErrUnsupported says that the owner of a port cannot be found: not on this
// system, or not with the permissions of dynlb. A caller then skips its check of
// the port; it does not treat it as failed. ErrUnsupported wraps
// errors.ErrUnsupported.
var ErrUnsupported = fmt.Errorf("owner of a port unknown: %w", errors.ErrUnsupported)

// Listening says whether an instance listens on a port, and where else.
type Listening struct {
	// Port is the port in question.
	Port int
	// Owned says that the instance's processes listen on Port at an address
	// that loopback connections reach, and that no other process does.
	Owned bool
	// Taken says that a process outside the instance listens on Port there.
	Taken bool
	// Ports are all TCP ports that the instance's processes listen on, in
	// ascending order. It is nil when Owned.
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

// Elsewhere says where the instance listens, if Ports is not empty: "listens on port
// 3000".
func (l Listening) Elsewhere() string { return "listens on port " + joinPorts(l.Ports) }

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
