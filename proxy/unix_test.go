package proxy_test

import (
	"strings"

	"github.com/dynlb/dynlb/internal/registry"
)

// endpointOf returns the endpoint of an instance at an address: host:port, or the path
// of a Unix socket.
func endpointOf(address string) registry.Endpoint {
	if strings.HasPrefix(address, "/") {
		return registry.Endpoint{Network: "unix", Address: address}
	}
	return registry.Endpoint{Network: "tcp", Address: address}
}
