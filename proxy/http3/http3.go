// Package http3 serves clients of HTTP/3 on sockets of UDP, with quic-go:
//
//	Server      the config of TLS and of QUIC, and the sockets
//	endpoint    a socket, with what is known of its clients
//	connection  a client's connection; std.Session is the side of it that the lane knows
//
// Its requests are carried by the lane of package std.
//
// # A socket that is left
//
// A socket is left when dynlb shuts down, when another worker takes over, and when a reload
// has it closed. New clients are refused from then on, which they learn at once, and use TCP.
// The clients that there are get a GOAWAY. A request that was already on its way then is
// rejected, so that the client may send it again (RFC 9114, 4.1.1 and 5.2). The socket is closed
// when the last client has left: no other process can have its packets, as they belong to
// connections whose keys are here.
package http3

import (
	"crypto/tls"
	"log/slog"
	"sync/atomic"

	"github.com/dynlb/dynlb/proxy/handshake"
	"github.com/dynlb/dynlb/proxy/settings"
	"github.com/dynlb/dynlb/proxy/std"
)

// Options are what a Server needs. All are required.
type Options struct {
	// Lane carries the requests.
	Lane *std.Lane
	// TLS is the config for clients that come by TCP. Its callbacks are called for those of
	// HTTP/3 too.
	TLS *tls.Config
	// Handshakes counts the handshakes.
	Handshakes *handshake.Server
	// Admit counts a connection; release is called when it is closed. It returns false when
	// there is no room: the client is refused.
	Admit func() (release func(), ok bool)
	// Settings are those in force.
	Settings *atomic.Pointer[settings.Settings]
	// ResetKey is the secret by which clients of an earlier process that had it, and is
	// gone, learn that their connections are (RFC 9000, 10.3).
	ResetKey [32]byte
	// Log gets what goes wrong.
	Log *slog.Logger
}
