package examples_test

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// control stands in for dynlb: it scales to at most 8, and its watch has two
// messages.
type control struct {
	dynlbv1.UnimplementedControlServer
	scaled chan int32
}

func (c *control) ScaleTo(_ context.Context, req *dynlbv1.ScaleToRequest) (*dynlbv1.ScaleToResponse, error) {
	if req.GetTarget() > 8 {
		return nil, status.Error(codes.InvalidArgument, "target is 9; the bounds are 2 and 8")
	}
	c.scaled <- req.GetTarget()
	return &dynlbv1.ScaleToResponse{OldTarget: 2, NewTarget: req.GetTarget()}, nil
}

func (c *control) WatchInstances(_ *dynlbv1.WatchInstancesRequest, stream grpc.ServerStreamingServer[dynlbv1.WatchInstancesResponse]) error {
	first := &dynlbv1.WatchInstancesResponse{Pool: &dynlbv1.Pool{Target: 2, Instances: []*dynlbv1.Instance{
		{State: dynlbv1.InstanceState_INSTANCE_STATE_READY},
		{State: dynlbv1.InstanceState_INSTANCE_STATE_UNHEALTHY},
	}}}
	second := &dynlbv1.WatchInstancesResponse{Pool: &dynlbv1.Pool{Target: 4}, Events: []*dynlbv1.Event{
		{Type: dynlbv1.EventType_EVENT_TYPE_SCALED, Reason: "avg load 4.2 > 3 over 5 s: 2 -> 4"},
		{Type: dynlbv1.EventType_EVENT_TYPE_STARTING, Reason: "port 5003"},
	}}
	for _, message := range []*dynlbv1.WatchInstancesResponse{first, second} {
		if err := stream.Send(message); err != nil {
			return err
		}
	}
	return status.Error(codes.Unavailable, "dynlb is shutting down")
}

// serve runs a stand-in for dynlb until the test ends.
func serve(t *testing.T) (addr string, c *control) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c = &control{scaled: make(chan int32, 1)}
	server := grpc.NewServer()
	dynlbv1.RegisterControlServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String(), c
}

func TestClient(t *testing.T) {
	client := build(t, "./client")
	run := func(t *testing.T, args ...string) (stdout, stderr string) {
		t.Helper()
		var out, errs bytes.Buffer
		cmd := exec.CommandContext(t.Context(), client, args...)
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 1 {
			t.Fatalf("%v, want exit code 1 when the stream breaks", err)
		}
		return out.String(), errs.String()
	}
	const lines = "target 2, ready 1\n" +
		"target 4, ready 0; SCALED: avg load 4.2 > 3 over 5 s: 2 -> 4; STARTING: port 5003\n"

	t.Run("watches", func(t *testing.T) {
		addr, dynlb := serve(t)
		stdout, stderr := run(t, "-admin", addr)
		if stdout != lines {
			t.Errorf("got\n%swant\n%s", stdout, lines)
		}
		if !strings.Contains(stderr, "dynlb is shutting down") {
			t.Errorf("stderr %q does not say why the stream broke", stderr)
		}
		if len(dynlb.scaled) != 0 {
			t.Error("it scaled unasked")
		}
	})
	t.Run("scales to zero, then watches", func(t *testing.T) {
		addr, dynlb := serve(t)
		if stdout, _ := run(t, "-admin", addr, "-scale", "0"); stdout != lines {
			t.Errorf("got\n%swant\n%s", stdout, lines)
		}
		if len(dynlb.scaled) != 1 || <-dynlb.scaled != 0 {
			t.Error("it did not scale to 0")
		}
	})
	t.Run("tells what dynlb refuses", func(t *testing.T) {
		addr, _ := serve(t)
		stdout, stderr := run(t, "-admin", addr, "-scale", "9")
		if stdout != "" || !strings.Contains(stderr, "the bounds are 2 and 8") {
			t.Errorf("stdout %q, stderr %q", stdout, stderr)
		}
	})
}

func TestClientIsShort(t *testing.T) {
	source, err := os.Open(filepath.Join("client", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	lines := 0
	for scanner := bufio.NewScanner(source); scanner.Scan(); {
		lines++
	}
	if lines >= 60 {
		t.Errorf("client/main.go has %d lines, want fewer than 60", lines)
	}
}
