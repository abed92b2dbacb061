package server

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/types/known/durationpb"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

func TestFailingListenerEndsServe(t *testing.T) {
	t.Parallel()
	p := start(t)
	broken := listen(t)
	broken.Close()
	s, err := New(Options{Apps: p.apps.all(), Metrics: NewMetrics(p.apps.all())})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(listen(t), broken); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve = %v, want net.ErrClosed", err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown after a failed Serve = %v", err)
	}
}

func TestShutdownBeforeServe(t *testing.T) {
	t.Parallel()
	apps := []App{newApp("default").app()}
	s, err := New(Options{Apps: apps, Metrics: NewMetrics(apps)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Serve(listen(t), listen(t)); err != nil {
		t.Errorf("Serve after Shutdown = %v, want nil", err)
	}
}

func TestNewChecksOptions(t *testing.T) {
	t.Parallel()
	apps := []App{newApp("default").app()}
	m := NewMetrics(apps)
	for _, missing := range []Options{{}, {Apps: apps}, {Metrics: m}} {
		if _, err := New(missing); err == nil {
			t.Errorf("New without Apps or Metrics made a server")
		}
	}
	s, err := New(Options{Apps: apps, Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	next, err := New(Options{Apps: apps, Metrics: m})
	if err != nil {
		t.Fatalf("New with the metrics of the server that it replaces: %v", err)
	}
	for _, s := range []*Server{s, next} {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

// TestShutdownEndsStreams measures time, so it does not run in parallel.
func TestShutdownEndsStreams(t *testing.T) {
	p := start(t)
	watch, err := p.client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	health, err := healthpb.NewHealthClient(p.conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := health.Recv(); err != nil {
		t.Fatal(err)
	}
	resp, err := p.web.Get(p.base + "/v1/instances:watch")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()

	begin := time.Now()
	p.stop(t)
	if took := time.Since(begin); took >= shutdownGrace {
		t.Errorf("Shutdown took %v: it waited for a stream", took)
	}
	_, err = watch.Recv()
	wantCode(t, err, codes.Unavailable, "shutting down")
	if _, err = health.Recv(); err == nil {
		_, err = health.Recv() // after NOT_SERVING
	}
	wantCode(t, err, codes.Unavailable, "shutting down")
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"error":{"code":14,"message":"dynlb is shutting down","details":[]}}` + "\n"; !strings.HasSuffix(string(body), want) {
		t.Errorf("HTTP watch ended with %q, want %q", body, want)
	}
	if strings.Contains(p.log.String(), "cut off") {
		t.Errorf("clients were cut off: %s", p.log)
	}
}

// TestShutdownCutsOffStuckReaders: clients that do not read do not delay Shutdown.
func TestShutdownCutsOffStuckReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := startInBubble(t)
		watch, err := p.client.WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{MinInterval: durationpb.New(minWatchInterval)})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := p.web.Get(p.base + "/v1/instances:watch?minInterval=0.01s")
		if err != nil {
			t.Fatal(err)
		}
		floodWatchers(p)
		begin := time.Now()
		p.stop(t)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("Shutdown took %v, want about 1s", took)
		}
		for _, clients := range []string{"HTTP clients", "gRPC clients"} {
			if !strings.Contains(p.log.String(), clients) {
				t.Errorf("no %s were stuck: the test shows nothing", clients)
			}
		}
		for err == nil {
			_, err = watch.Recv()
		}
		if errors.Is(err, io.EOF) {
			t.Error("the gRPC watch ended without an error")
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("the HTTP watch ended without an error")
		}
		resp.Body.Close()
	})
}

// TestShutdownAtOnceWithoutClients: when there is no time, the log tells of clients over
// gRPC that were cut off, and of none if there were none.
func TestShutdownAtOnceWithoutClients(t *testing.T) {
	t.Parallel()
	for _, connected := range []bool{false, true} {
		p := start(t)
		if connected {
			if _, err := p.client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{}); err != nil {
				t.Fatal(err)
			}
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		p.stopWithin(over, t)
		if !connected && strings.Contains(p.log.String(), "cut off") {
			t.Errorf("no client was there: %s", p.log)
		}
	}
}
