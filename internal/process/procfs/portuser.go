package procfs

import "fmt"

// PortUser is a process that has a socket on a port.
type PortUser struct {
	// PID is 0 when the process is hidden from dynlb, as those of other users are.
	PID int
	// Command is how the process was started, without its options.
	Command string
	// UID is the user of the socket.
	UID int
	// Listens says that the socket accepts connections, or takes packets of anyone.
	// Otherwise it is one end of a connection.
	Listens bool
}

// String returns the process for a sentence: "process 4711 (node server.mjs)".
func (u PortUser) String() string {
	if u.PID == 0 {
		return fmt.Sprintf("a process of the user with id %d", u.UID)
	}
	return fmt.Sprintf("process %d (%s)", u.PID, u.Command)
}
