// Package h2c carries requests to instances that speak HTTP/2 without TLS, with prior
// knowledge (RFC 9113, 3.3). To its caller, each request has a connection of HTTP/1.1 of
// its own. In truth the requests to an instance share few connections, one as long as the
// instance takes so many at the same time.
//
//	Pool     the connections to all instances
//	session  a connection of HTTP/2
//	Conn     one request on it, as a net.Conn of HTTP/1.1
//
// A session has two goroutines: one reads frames, and one writes them. No request begins
// before the settings of the instance have arrived, which say how many it takes.
//
// # Memory
//
// A Conn keeps what the instance has sent and was not read: at most streamWindow bytes of
// content, and maxBlock bytes each of informational responses, head and trailer section. A
// Write returns when the instance, by its windows, takes what is written, and maxOutput
// bytes at most wait to be written to the session.
package h2c

import (
	"errors"

	"github.com/dynlb/dynlb/proxy/http2"
)

const (
	// streamWindow is how much content of a response may wait to be read. It is enough for
	// the full speed of the loopback interface.
	streamWindow = 64 << 10
	// connWindow has room for the content of all responses.
	connWindow = http2.MaxCalls * streamWindow
	// maxBlock is the limit for the head of a response (see policy.ResponseLimits). It is
	// above policy.MaxInterim, which the reader of a Conn knows.
	maxBlock = 1 << 20
	// maxOutput is how much may wait to be written to a session before a Write waits.
	maxOutput = 256 << 10
	// maxControl is how much may wait to be written in all: an instance that asks for
	// answers and does not read them is cut off.
	maxControl = 4 << 20
)

// errUnsent says that a session ended before any byte of a request was sent on it.
var errUnsent = errors.New("connection ended before the request was sent")

// Unprocessed reports whether err says that the instance has not acted on a request: none
// of it was sent, or the instance has said so (RFC 9113, 8.7).
func Unprocessed(err error) bool {
	if errors.Is(err, errUnsent) {
		return true
	}
	call, ok := errors.AsType[*http2.CallError](err)
	return ok && call.Unprocessed
}

// ErrNoConnect says that a request is for a WebSocket, and the instance takes no extended
// CONNECT (RFC 8441), by which alone a WebSocket goes over HTTP/2. Nothing was sent.
var ErrNoConnect = errors.New("instance takes no WebSockets over HTTP/2")

// ErrNoHTTP2 says that an instance does not speak HTTP/2 with prior knowledge.
var ErrNoHTTP2 = errors.New("instance does not speak HTTP/2 with prior knowledge")
