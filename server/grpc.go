package server

import (
	"context"
	"errors"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// The limits of one client. Requests are a few bytes; a client that needs more than
// this is broken or hostile.
const (
	maxMessage = 64 << 10 // bytes of a request, over gRPC and HTTP
	maxHeaders = 16 << 10 // bytes of a request's header list, over gRPC and HTTP
	maxStreams = 64       // concurrent calls on one gRPC connection
)

const (
	// handshakeTimeout is the time limit of the handshakes of a new gRPC connection.
	handshakeTimeout = 10 * time.Second
	// keepaliveTime is how long a connection may be silent before the server pings
	// the client, and keepaliveTimeout is how long the answer may take. Together they
	// are how long a watcher whose machine is gone keeps its place.
	keepaliveTime    = 30 * time.Second
	keepaliveTimeout = 10 * time.Second
	// idleConnection is how long a connection may stay open without a call.
	idleConnection = 5 * time.Minute
	// minPing is the minimum time between two pings of a client.
	minPing = 10 * time.Second
)

// errEnding is the status of calls that end because of a shutdown, and errMoved of those
// that end because another worker of dynlb serves: its clients call again.
var (
	errEnding = status.Error(codes.Unavailable, "dynlb is shutting down")
	errMoved  = status.Error(codes.Unavailable, MovedText)
)

// MovedText is the message of a call of which nothing was done, because another worker of dynlb
// serves since an upgrade. Its code is UNAVAILABLE.
const MovedText = "dynlb was upgraded, and another worker serves: call again"

// newClientGRPC returns the gRPC server for clients. In addition to the Control
// service it has admission, limits, health and reflection, which the gateway does
// not need.
func (s *Server) newClientGRPC(control *control) *grpc.Server {
	options := []grpc.ServerOption{
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: idleConnection, Time: keepaliveTime, Timeout: keepaliveTimeout,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.ChainUnaryInterceptor(s.admitUnary),
		grpc.ChainStreamInterceptor(s.admitStream),
	}
	if config := s.auth.tlsConfig(); config != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(config))) // adds h2 to ALPN
	}
	server := s.newGRPC(control, options...)
	s.health.SetServingStatus(dynlbv1.Control_ServiceDesc.ServiceName, healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, s.health)
	dynlbv1.RegisterSiblingsServer(server, &siblings{apps: &s.apps, readers: make(chan struct{}, maxSiblings)})
	reflection.Register(server)
	return server
}

// newGRPC returns a gRPC server with the Control service.
func (s *Server) newGRPC(control *control, options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(append(options,
		grpc.ForceServerCodecV2(newCodec()),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxHeaderListSize(maxHeaders),
		grpc.ConnectionTimeout(handshakeTimeout),
		grpc.WaitForHandlers(true),
		grpc.ChainUnaryInterceptor(s.recoverUnary, s.endUnary),
		grpc.ChainStreamInterceptor(s.recoverStream, s.endStream),
	)...)
	dynlbv1.RegisterControlServer(server, control)
	return server
}

// endStream ends a stream when the server shuts down, by ending its context.
func (s *Server) endStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	ctx, cancel := context.WithCancelCause(stream.Context())
	var watching sync.WaitGroup
	watching.Go(func() { // ends with the stream; endStream waits for it
		select {
		case <-s.ending:
			cancel(errEnding)
		case <-ctx.Done():
		}
	})
	defer watching.Wait()
	defer cancel(nil)

	err := handle(srv, endingStream{stream, func() context.Context { return ctx }})
	if err == nil || !errors.Is(context.Cause(ctx), errEnding) && !errors.Is(err, errEnding) {
		return err
	}
	return s.ended()
}

// endUnary has calls that are not streams end with the reason why the server shuts down.
func (s *Server) endUnary(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	resp, err := handle(ctx, req)
	if errors.Is(err, errEnding) {
		err = s.ended()
	}
	return resp, err
}

// ended returns why the server shuts down.
func (s *Server) ended() error {
	if s.moved.Load() {
		return errMoved
	}
	return errEnding
}

// endingStream is a stream with a context of its own.
type endingStream struct {
	grpc.ServerStream
	context func() context.Context
}

// Context returns the context that ends with the server.
func (s endingStream) Context() context.Context { return s.context() }

// recoverUnary and recoverStream keep a bug in the control plane from taking
// the data plane down with it.
func (s *Server) recoverUnary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (resp any, err error) {
	defer s.recovered(info.FullMethod, &err)
	return handle(ctx, req)
}

func (s *Server) recoverStream(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) (err error) {
	defer s.recovered(info.FullMethod, &err)
	return handle(srv, stream)
}

// recovered turns a panic of the deferring function into its error.
func (s *Server) recovered(method string, err *error) {
	if cause := recover(); cause != nil {
		s.log.Error("control call panicked", "method", method, "panic", cause, "stack", string(debug.Stack()))
		*err = status.Error(codes.Internal, "internal error; dynlb's log has the details")
	}
}
