package policy

import (
	"errors"

	"github.com/dynlb/dynlb/proxy/http1"
)

// The methods that a reverse proxy does not forward; see CheckMethod.
var (
	ErrConnectMethod = errors.New("CONNECT is for forward proxies")
	ErrTraceMethod   = errors.New("TRACE would show the instance's view of the request, credentials too")
)

// ErrNoSwitch says that an instance answered a client of HTTP/2 that asked for another
// protocol as if it had asked for a page. The client would take the page for bytes of that
// protocol (RFC 8441, 5).
var ErrNoSwitch = errors.New("nothing at this path switches to the protocol that was asked for")

// ErrNoWebSocket says that a request is for a WebSocket, and the instances of the app speak
// HTTP/2 and take no extended CONNECT.
var ErrNoWebSocket = errors.New("the instances speak HTTP/2, and take no WebSocket over it (RFC 8441)")

// ErrStreams reports that a request of HTTP/2 has no place beside the others; see
// settings.Settings.MaxStreams.
var ErrStreams = errors.New("the limit of open files leaves no place for further requests on this connection")

// CheckMethod returns why a reverse proxy does not forward the method of a request, or
// nil. The error is ErrConnectMethod or ErrTraceMethod.
func CheckMethod(r *http1.Request) error {
	switch string(r.Method) {
	case "CONNECT":
		return ErrConnectMethod
	case "TRACE":
		return ErrTraceMethod
	default:
		return nil
	}
}

// Idempotent reports whether doing a request twice is the same as doing it once
// (RFC 9110, 9.2.2). Unknown methods are not.
func Idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	default:
		return false
	}
}

// known reports whether a method is one of RFC 9110, 9.3, or RFC 5789.
func known(method string) bool { return Idempotent(method) || method == "POST" || method == "PATCH" }
