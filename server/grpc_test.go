package server

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestHealthFlips(t *testing.T) {
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
	p := start(t)
	// Unknown fields make a small message large.
	req := &dynlbv1.GetStatusRequest{}
	req.ProtoReflect().SetUnknown(append([]byte{0x7a, 0x80, 0x80, 0x05}, make([]byte, 80<<10)...)) // field 15, 80 KiB
	_, err := p.client.GetStatus(t.Context(), req)
	wantCode(t, err, codes.ResourceExhausted, "larger than max")
}

func TestPanicIsAnError(t *testing.T) {
	p := start(t)
	p.scaler.registry = nil // makes ScaleTo panic
	target := int32(4)
	_, err := p.client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: &target})
	wantCode(t, err, codes.Internal, "internal error")
	if !strings.Contains(p.log.String(), "panicked") {
		t.Errorf("log does not tell of the panic: %s", p.log)
	}
	if _, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{}); err != nil {
		t.Errorf("GetStatus after a panic: %v", err)
	}
}
