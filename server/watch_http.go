package server

import (
	"context"
	"fmt"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// watchHTTP answers a watch over HTTP as the gateway would. The gateway decodes each
// message of the service and encodes it as JSON, for each watcher. Here they share the
// lines, as they share the messages over gRPC.
func (s *Server) watchHTTP(c *control) http.Handler {
	info := &grpc.StreamServerInfo{FullMethod: dynlbv1.Control_WatchInstances_FullMethodName, IsServerStream: true}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stream := &httpStream{writer: w, request: r}
		watch := func(_ any, inner grpc.ServerStream) error {
			req := new(dynlbv1.WatchInstancesRequest)
			if err := inner.RecvMsg(req); err != nil {
				return err
			}
			return c.WatchInstances(req, &grpc.GenericServerStream[dynlbv1.WatchInstancesRequest, dynlbv1.WatchInstancesResponse]{ServerStream: inner})
		}
		err := s.recoverStream(c, stream, info, func(srv any, inner grpc.ServerStream) error {
			return s.endStream(srv, inner, info, watch)
		})
		if err != nil && r.Context().Err() == nil {
			stream.fail(err)
		}
	})
}

// httpStream is a stream of the service whose client speaks HTTP.
type httpStream struct {
	writer  http.ResponseWriter
	request *http.Request
	begun   bool
}

// Context implements grpc.ServerStream. SetHeader, SendHeader and SetTrailer do too: no
// header passes to HTTP.
func (h *httpStream) Context() context.Context     { return h.request.Context() }
func (h *httpStream) SetHeader(metadata.MD) error  { return nil }
func (h *httpStream) SendHeader(metadata.MD) error { return nil }
func (h *httpStream) SetTrailer(metadata.MD)       {}

// RecvMsg reads the request from the parameters of the URL.
func (h *httpStream) RecvMsg(m any) error {
	err := h.request.ParseForm()
	if err == nil {
		err = new(queryParser).Parse(m.(proto.Message), h.request.Form, utilities.NewDoubleArray(nil))
	}
	if err != nil {
		return status.Errorf(codes.InvalidArgument, "%v", err)
	}
	return nil
}

// SendMsg writes a message as a line.
func (h *httpStream) SendMsg(m any) error {
	line, err := m.(*message).line()
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	return h.write(line)
}

// write writes a line, after the header if it is the first one.
func (h *httpStream) write(line []byte) error {
	if !h.begun {
		h.writer.Header().Set("Content-Type", newJSON().StreamContentType(nil))
		h.begun = true
	}
	if _, err := h.writer.Write(line); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	if err := http.NewResponseController(h.writer).Flush(); err != nil {
		return fmt.Errorf("write message: %w", err)
	}
	return nil
}

// fail tells the client why the stream ends: as the answer, or as the last line.
func (h *httpStream) fail(err error) {
	why := status.Convert(err)
	if !h.begun {
		writeStatusError(h.writer, runtime.HTTPStatusFromCode(why.Code()), why)
		return
	}
	line, err := lineOfStream("error", why.Proto())
	if err != nil {
		return // a status can be encoded
	}
	_ = h.write(line) // the client may have left
}
