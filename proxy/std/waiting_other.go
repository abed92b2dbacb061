//go:build !unix

package std

import "net"

// acceptWaiting accepts nothing here.
func acceptWaiting(net.Listener) net.Conn { return nil }
