package std

import (
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/dynlb/dynlb/proxy/policy"
)

// refuseCall answers a call of gRPC with a status, in the form that gRPC has for a response
// without messages.
func (s *stream) refuseCall(status int, message string) {
	s.endConnection()
	h := s.writer.Header()
	h.Set("Content-Type", "application/grpc")
	h.Set("Grpc-Status", strconv.Itoa(status))
	h.Set("Grpc-Message", policy.GRPCMessage(message))
	s.writer.WriteHeader(http.StatusOK)
}

// endCall ends the response to a call of gRPC with a status.
func (s *stream) endCall(status int, message string) {
	h := s.writer.Header()
	h.Set(http.TrailerPrefix+"Grpc-Status", strconv.Itoa(status))
	h.Set(http.TrailerPrefix+"Grpc-Message", policy.GRPCMessage(message))
	if s.flush() != nil {
		s.broken = true
	}
}

// endCall ends the response to a call of gRPC that the instance has broken off with err. It
// reports whether it is such a call.
func (d *download) endCall(err error) bool {
	client, ok := d.client.(caller)
	if !ok || d.kind != policy.GRPCCall {
		return false
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	f := policy.Fault{Code: http.StatusBadGateway, Message: "the instance broke its response off"}
	client.endCall(f.GRPCStatus(err))
	return true
}
