// Package server is the control plane: the Control service over gRPC, the same
// as JSON over HTTP through grpc-gateway, health, and metrics. It reads the
// registry, and orders instances through one small interface, Scaler; what runs
// them it does not know.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/dynlb/dynlb/internal/notice"
)

// shutdownGrace is how long Shutdown waits for clients at most. All calls are
// short or have been ended by then; what is left are readers that do not read.
const shutdownGrace = time.Second

// Scaler changes the number of instances. It must be safe for concurrent use.
type Scaler interface {
	// ScaleTo sets the target to n and answers at once, with the target that
	// was. With hold > 0 nobody but another ScaleTo changes it for that long;
	// zero ends an earlier hold. The reason is for people. The error is a
	// *notice.BoundsError when n is out of bounds, and registry.ErrClosed
	// while shutting down.
	ScaleTo(ctx context.Context, n int, hold time.Duration, reason string) (old int, err error)
}

// Options are what a Server works with.
type Options struct {
	// Board is what is reported. Required.
	Board *notice.Board
	// Scaler carries out ScaleTo. Required.
	Scaler Scaler
	// Restarter carries out RestartInstances. Required.
	Restarter Restarter
	// Metrics are served at /metrics. Required.
	Metrics *Metrics
	// Log gets the audit lines. Nil: nowhere.
	Log *slog.Logger
	// Version is dynlb's own, for the metrics.
	Version string
	// Auth says who may use the listeners. The zero value: everybody.
	Auth Auth
	// Hosts are the names, without port, that the admin HTTP listener is
	// reached by, in addition to localhost, its addresses, and the names in
	// its certificate.
	Hosts []string
}

// Server serves the control plane. Create one with New, call Serve once, and
// end it with Shutdown. Its methods are safe for concurrent use.
type Server struct {
	log     *slog.Logger
	board   *notice.Board
	auth    Auth
	denials denials

	grpc    *grpc.Server // for clients
	inner   *grpc.Server // for the gateway, which has no limit of streams
	pipe    *pipe        // where inner listens
	conn    *grpc.ClientConn
	gateway http.Handler
	http    *http.Server

	health       *health.Server
	shuttingDown atomic.Bool
	ending       chan struct{} // closed when all streams are to end
	end          func()        // closes ending, once
}

// New returns a Server that does nothing until Serve: until then, requests to
// StatusHandler wait. It must be ended with Shutdown, served or not.
func New(options Options) (*Server, error) {
	if options.Board == nil || options.Scaler == nil || options.Restarter == nil || options.Metrics == nil {
		return nil, errors.New("make control server: Board, Scaler, Restarter and Metrics are required")
	}
	if err := options.Metrics.addBuildInfo(options.Version); err != nil {
		return nil, fmt.Errorf("make control server: %w", err)
	}
	s := &Server{
		log:    options.Log,
		board:  options.Board,
		auth:   options.Auth,
		pipe:   newPipe(),
		health: health.NewServer(),
		ending: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.end = sync.OnceFunc(func() { close(s.ending) })

	control := newControl(options, s.log)
	s.grpc = s.newClientGRPC(control)
	s.inner = s.newGRPC(control)
	var err error
	if s.conn, s.gateway, err = newGateway(s.pipe); err != nil {
		return nil, fmt.Errorf("make control server: %w", err)
	}
	s.http = s.newAdmin(s.adminHandler(options))
	return s, nil
}

// Serve serves gRPC and HTTP until Shutdown, which is no error, or until a
// listener fails, which ends all of it. It owns the listeners.
func (s *Server) Serve(grpcListener, httpListener net.Listener) error {
	var running sync.WaitGroup
	failures := make(chan error, 3)
	serve := func(what string, f func() error) {
		running.Go(func() { // ends with Shutdown or abort; Serve waits
			err := f()
			if err == nil || errors.Is(err, http.ErrServerClosed) || errors.Is(err, grpc.ErrServerStopped) {
				return
			}
			failures <- fmt.Errorf("serve %s: %w", what, err)
			s.abort()
		})
	}
	serve("the gateway", func() error { return s.inner.Serve(s.pipe) })
	serve("gRPC", func() error { return s.grpc.Serve(newBounded(grpcListener)) })
	serve("admin HTTP", func() error { return s.serveHTTP(newBounded(httpListener)) })
	running.Wait()
	close(failures)
	var all []error
	for err := range failures {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// NotServing tells everybody who asks (gRPC health, /readyz) that dynlb is
// about to end. All else goes on. There is no way back.
func (s *Server) NotServing() {
	s.shuttingDown.Store(true)
	s.health.Shutdown()
}

// Shutdown ends Serve: it closes the listeners, ends the streams with
// UNAVAILABLE, and lets the calls in flight finish. Clients that are not gone
// when ctx ends, or after one second, are cut off.
func (s *Server) Shutdown(ctx context.Context) error {
	s.NotServing()
	s.end()
	ctx, cancel := context.WithTimeout(ctx, shutdownGrace)
	defer cancel()

	var ending sync.WaitGroup
	ending.Go(func() { s.stopGRPC(ctx, s.grpc) })
	var err error
	if s.http.Shutdown(ctx) != nil {
		s.log.Warn("HTTP clients of the control plane were cut off")
		err = s.http.Close()
	}
	s.stopGRPC(ctx, s.inner) // after HTTP, whose requests it carries out
	ending.Wait()
	if err = errors.Join(err, s.pipe.Close(), s.conn.Close()); err != nil {
		return fmt.Errorf("shut down control server: %w", err)
	}
	return nil
}

// stopGRPC stops a server gracefully until ctx ends, then at once.
func (s *Server) stopGRPC(ctx context.Context, server *grpc.Server) {
	stopped := make(chan struct{})
	go func() { // ends when all calls have, by Stop at the latest; waited for below
		server.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		s.log.Warn("gRPC clients were cut off")
		server.Stop()
		<-stopped
	}
}

// abort ends all at once.
func (s *Server) abort() {
	s.NotServing()
	s.end()
	_ = s.http.Close() // what failed is known already
	s.grpc.Stop()
	s.inner.Stop()
}
