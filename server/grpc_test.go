package server

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestHealthFlips(t *testing.T) {
	t.Parallel()
	p := start(t)
	client := healthpb.NewHealthClient(p.conn)
	check := func(want healthpb.HealthCheckResponse_ServingStatus) {
		t.Helper()
		for _, service := range []string{"", "dynlb.v1.Control"} {
			resp, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service})
			if err != nil || resp.GetStatus() != want {
				t.Errorf("health of %q is %v, %v; want %v", service, resp.GetStatus(), err, want)
			}
		}
	}
	check(healthpb.HealthCheckResponse_SERVING)
	p.NotServing()
	check(healthpb.HealthCheckResponse_NOT_SERVING)
}

func TestReflectionListsControl(t *testing.T) {
	t.Parallel()
	p := start(t)
	stream, err := reflectionpb.NewServerReflectionClient(p.conn).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = stream.Send(&reflectionpb.ServerReflectionRequest{
		MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{},
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	for _, service := range resp.GetListServicesResponse().GetService() {
		if service.GetName() == "dynlb.v1.Control" {
			return
		}
	}
	t.Errorf("reflection does not list dynlb.v1.Control: %v", resp)
}

func TestLargeMessageIsRefused(t *testing.T) {
	t.Parallel()
	p := start(t)
	// Unknown fields make a small message large.
	req := &dynlbv1.GetStatusRequest{}
	req.ProtoReflect().SetUnknown(append([]byte{0x7a, 0x80, 0x80, 0x05}, make([]byte, 80<<10)...)) // field 15, 80 KiB
	_, err := p.client.GetStatus(t.Context(), req)
	wantCode(t, err, codes.ResourceExhausted, "larger than max")
}

func TestLargeHeaderIsRefused(t *testing.T) {
	t.Parallel()
	p := start(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "large", strings.Repeat("x", maxHeaders))
	_, err := p.client.GetStatus(ctx, &dynlbv1.GetStatusRequest{})
	wantCode(t, err, codes.Internal, "maximum size (16384 bytes) set by server")
}

// A connection has no more calls at once than maxStreams: one more waits.
func TestStreamsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		health := healthpb.NewHealthClient(p.conn)
		for range maxStreams {
			stream, err := health.Watch(t.Context(), &healthpb.HealthCheckRequest{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := stream.Recv(); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.client.GetStatus(ctx, &dynlbv1.GetStatusRequest{})
		wantCode(t, err, codes.DeadlineExceeded, "")
	})
}

func TestPanicIsAnError(t *testing.T) {
	t.Parallel()
	p := start(t)
	p.scaler.board, p.restarter.panics = nil, true
	_, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: proto.Int32(4)})
	wantCode(t, err, codes.Internal, "internal error")
	stream, err := p.client.RestartInstances(t.Context(), &dynlbv1.RestartInstancesRequest{})
	if err == nil {
		_, err = stream.Recv()
	}
	wantCode(t, err, codes.Internal, "internal error")
	for _, method := range []string{"ScaleTo", "RestartInstances"} {
		if !strings.Contains(p.log.String(), `msg="control call panicked" method=/dynlb.v1.Control/`+method) {
			t.Errorf("log does not tell of the panic in %s: %s", method, p.log)
		}
	}
	if _, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{}); err != nil {
		t.Errorf("GetStatus after the panics: %v", err)
	}
}
