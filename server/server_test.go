package server

import (
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
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

func TestFailingListenerEndsServe(t *testing.T) {
	p := start(t)
	broken := listen(t)
	broken.Close()
	s, err := New(Options{Board: p.board, Scaler: p.scaler, Restarter: p.restarter, Metrics: NewMetrics(p.board)})
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
	board := notice.New(registry.New(registry.Options{}))
	s, err := New(Options{Board: board, Scaler: &fakeScaler{}, Restarter: &fakeRestarter{}, Metrics: NewMetrics(board)})
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
	if _, err := New(Options{}); err == nil {
		t.Error("New without a board made a server")
	}
	board := notice.New(registry.New(registry.Options{}))
	m := NewMetrics(board)
	s, err := New(Options{Board: board, Scaler: &fakeScaler{}, Restarter: &fakeRestarter{}, Metrics: m})
	if err != nil {
		t.Fatal(err)
	}
	next, err := New(Options{Board: board, Scaler: &fakeScaler{}, Restarter: &fakeRestarter{}, Metrics: m})
	if err != nil {
		t.Fatalf("New with the metrics of the server that it replaces: %v", err)
	}
	for _, s := range []*Server{s, next} {
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

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

// Readers that do not read hold up neither Shutdown nor their own end.
func TestShutdownCutsOffStuckReaders(t *testing.T) {
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
		for _, who := range []string{"HTTP clients", "gRPC clients"} {
			if !strings.Contains(p.log.String(), who) {
				t.Errorf("no %s were stuck: the test shows nothing", who)
			}
		}
		for err == nil {
			_, err = watch.Recv()
		}
		if errors.Is(err, io.EOF) {
			t.Error("the gRPC watch ended as if all was well")
		}
		if _, err := io.Copy(io.Discard, resp.Body); err == nil {
			t.Error("the HTTP watch ended as if all was well")
		}
		resp.Body.Close()
	})
}
