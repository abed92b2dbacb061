package registry

import (
	"net"
	"strconv"
)

// Endpoint is where an instance is reached, in the form that net.Dial takes.
// Only code that dials looks into it; all other code compares and prints it.
// The zero value is no endpoint.
type Endpoint struct {
	Network string // "tcp", "unix"
	Address string // "127.0.0.1:5001", "/run/app.sock"
}

// TCP returns the endpoint of a TCP port. host is an IP address or a name.
func TCP(host string, port int) Endpoint {
	return Endpoint{Network: "tcp", Address: net.JoinHostPort(host, strconv.Itoa(port))}
}

// String returns the address, with the network in front unless it is TCP:
// "127.0.0.1:5001", "unix:/run/app.sock".
func (e Endpoint) String() string {
	if e.Network == "tcp" || e == (Endpoint{}) {
		return e.Address
	}
	return e.Network + ":" + e.Address
}

// Host returns the Host field of a request to the instance that names no host of its
// own: the address, or localhost on a Unix socket, whose address is a path.
func (e Endpoint) Host() string {
	if e.Network == "unix" {
		return "localhost"
	}
	return e.Address
}
