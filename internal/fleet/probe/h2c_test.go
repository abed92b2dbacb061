package probe

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

// TestProbeGRPC: only SERVING means healthy, and other answers say that the instance
// works.
func TestProbeGRPC(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state    grpc_health_v1.HealthCheckResponse_ServingStatus
		none     bool // there is no such service
		want     string
		notReady bool
	}{
		"serving":     {state: grpc_health_v1.HealthCheckResponse_SERVING},
		"not serving": {state: grpc_health_v1.HealthCheckResponse_NOT_SERVING, want: "grpc.health.v1: NOT_SERVING", notReady: true},
		"unknown":     {state: grpc_health_v1.HealthCheckResponse_UNKNOWN, want: "grpc.health.v1: state 0"},
		"no service":  {none: true, want: "grpc.health.v1: the instance does not have this service; add it, or set health: http"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := grpc.NewServer()
			if !c.none {
				service := health.NewServer()
				service.SetServingStatus("", c.state)
				grpc_health_v1.RegisterHealthServer(server, service)
			}
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				_ = server.Serve(listener)
			}()
			t.Cleanup(func() { server.Stop(); <-done })
			err = GRPC(t.Context(), tcpAt(listener.Addr().String()), "")
			if text := errorText(err); text != c.want {
				t.Errorf("got %q, want %q", text, c.want)
			}
			if err != nil && (!Answered(err) || Unavailable(err) != c.notReady) {
				t.Errorf("%v: answered %t, not ready %t", err, Answered(err), Unavailable(err))
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestProbeProtocol: each kind of check finds the instances that it is for.
func TestProbeProtocol(t *testing.T) {
	t.Parallel()
	serve := func(protocols func(*http.Protocols)) string {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/health" {
				w.WriteHeader(http.StatusTeapot)
			}
		}))
		server.Config.Protocols = new(http.Protocols)
		protocols(server.Config.Protocols)
		server.Start()
		t.Cleanup(server.Close)
		return strings.TrimPrefix(server.URL, "http://")
	}
	h1 := serve(func(p *http.Protocols) { p.SetHTTP1(true) })
	h2 := serve(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	for name, c := range map[string]struct {
		probe   Prober
		address string
		want    string
	}{
		"HTTP/2 as told":        {H2C, h2, ""},
		"HTTP/1.1 against that": {H2C, h1, "the instance does not speak HTTP/2 with prior knowledge, which protocol: h2c means"},
		"either, HTTP/1.1":      {either, h1, ""},
		"either, HTTP/2":        {either, h2, ""},
		"gRPC":                  {GRPC, h2, "grpc.health.v1: no answer of gRPC, but status 418 of HTTP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			if got := errorText(c.probe(ctx, tcpAt(c.address), "/health")); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestProbeEnds checks that the connection of a check of HTTP/2 ends with the check, also if
// the instance gives no answer: one that stays would be one more after each check.
func TestProbeEnds(t *testing.T) {
	t.Parallel()
	for name, probe := range map[string]Prober{"gRPC": GRPC, "HTTP/2": H2C, "either": either} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			silent := make(chan struct{})
			t.Cleanup(func() { close(silent) })
			asked, ask := context.WithCancel(t.Context())
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				ask()
				<-silent
			}))
			server.Config.Protocols = new(http.Protocols)
			server.Config.Protocols.SetUnencryptedHTTP2(true)
			ended := make(chan struct{}, 10)
			server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
				if s == http.StateClosed {
					ended <- struct{}{}
				}
			}
			server.Start()
			t.Cleanup(server.CloseClientConnections)
			err := probe(asked, tcpAt(strings.TrimPrefix(server.URL, "http://")), "/health")
			if err == nil {
				t.Fatal("an instance that gives no answer is healthy")
			}
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Error("the connection stayed")
			}
		})
	}
}
