package policy

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/dynlb/dynlb/proxy/http1"
)

// The statuses of gRPC that a load balancer gives.
const (
	grpcUnknown           = 2
	grpcDeadlineExceeded  = 4
	grpcPermissionDenied  = 7
	grpcResourceExhausted = 8
	grpcUnimplemented     = 12
	grpcInternal          = 13
	grpcUnavailable       = 14
	grpcUnauthenticated   = 16
)

// statusError is an error of HTTP/2 for which gRPC has a status of its own.
type statusError interface {
	error
	GRPCStatus() int
}

// Calls are the kinds of requests whose content and response are messages of a call.
type Calls uint8

// The kinds.
const (
	// NoCall is a request of another kind.
	NoCall Calls = iota
	// MessageCall is a call whose client may pause between two messages for as long as it
	// likes: one of gRPC-Web, or a stream of Connect.
	MessageCall
	// GRPCCall is a call of gRPC. Its client takes the outcome from a trailer section.
	GRPCCall
)

var (
	grpcContent    = []byte("application/grpc")
	connectContent = []byte("application/connect+")
)

// CallOf returns of which kind a request is.
func CallOf(r *http1.Request) Calls {
	if string(r.Method) != http.MethodPost {
		return NoCall
	}
	for i := range r.Fields {
		f := &r.Fields[i]
		if len(f.Name) != len(contentType) || !bytes.EqualFold(f.Name, contentType) {
			continue
		}
		rest, grpc := bytes.CutPrefix(f.Value, grpcContent)
		switch {
		case grpc && (len(rest) == 0 || rest[0] == '+' || rest[0] == ';'):
			return GRPCCall
		case grpc, bytes.HasPrefix(f.Value, connectContent):
			return MessageCall
		}
	}
	return NoCall
}

// GRPCStatus returns the status of gRPC for a call that failed with err, of which the
// fault was made, and a message for it. A call that an instance cannot have carried out, or
// whose instance is gone, is Unavailable, as for a client without a load balancer; such a
// client gets the other statuses of HTTP/2 as they are.
func (f Fault) GRPCStatus(err error) (status int, message string) {
	message = f.Message
	if f.Reason != "" {
		message += ": " + f.Reason
	}
	if reset, ok := errors.AsType[statusError](err); ok {
		return reset.GRPCStatus(), message
	}
	switch f.Code {
	case http.StatusBadGateway, http.StatusServiceUnavailable:
		status = grpcUnavailable
	case http.StatusGatewayTimeout:
		status = grpcDeadlineExceeded
	case http.StatusTooManyRequests, http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
		status = grpcResourceExhausted
	case http.StatusUnauthorized:
		status = grpcUnauthenticated
	case http.StatusForbidden:
		status = grpcPermissionDenied
	case http.StatusNotFound, http.StatusMisdirectedRequest, http.StatusNotImplemented:
		status = grpcUnimplemented
	case http.StatusBadRequest:
		status = grpcInternal
	default:
		status = grpcUnknown
	}
	return status, message
}

// GRPCMessage returns a message as the field grpc-message has it: bytes other than visible
// ASCII and space are percent-encoded.
func GRPCMessage(message string) string {
	var b strings.Builder
	for i := range len(message) {
		if c := message[i]; c < ' ' || c > '~' || c == '%' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
