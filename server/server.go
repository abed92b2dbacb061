// Package server is the control plane: the Control service over gRPC, the same
// service as JSON over HTTP through grpc-gateway, health, and metrics. It reads
// the notice board of each app, and changes the instances through two small
// interfaces, Scaler and Restarter. It does not know what implements them.
package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"

	"github.com/dynlb/dynlb/internal/dashboard"
	"github.com/dynlb/dynlb/internal/history"
	"github.com/dynlb/dynlb/internal/instancelog"
)

// shutdownGrace is how long Shutdown waits for clients, after it has ended the watches.
// All other calls are short, so only clients that do not read are left then.
const shutdownGrace = time.Second

// Options are what a Server works with.
type Options struct {
	// Apps are the apps until SetApps, each with a name of its own. Required.
	Apps []App
	// Metrics are served at /metrics. Required.
	Metrics *Metrics
	// Log gets one line per call that changes something. Nil: there is no log.
	Log *slog.Logger
	// Version is that of this dynlb, for the metrics.
	Version string
	// Auth says which clients may use the listeners. The zero value admits all.
	Auth Auth
	// Certificates returns the certificates of the public listener, which change while it
	// is open. Nil: there are none.
	Certificates func() []Certificate
	// Upgrader carries out Upgrade. Nil: it fails.
	Upgrader Upgrader
	// History is what is remembered. Nil: the methods about it fail.
	History *history.Store
	// Logs are what the instances print. Nil: StreamLogs fails.
	Logs *instancelog.Store
	// Operator carries out Reload and Stop. Nil: these fail.
	Operator Operator
	// Sessions are the sessions of the dashboard that were logged out. Nil: New makes them,
	// and they are forgotten with the Server.
	Sessions *Sessions
	// Hosts are further names, without port, by which clients may address the admin HTTP
	// listener. Its addresses, localhost and the names in its certificate are always
	// allowed.
	Hosts []string
}

// Server serves the control plane. Create one with New, call Serve once, and
// end it with Shutdown. Its methods are safe for concurrent use.
type Server struct {
	log     *slog.Logger
	apps    directory
	auth    Auth
	denials denials

	sessions *Sessions
	tlsLog   io.Writer // gets a line for each client that speaks TLS to a plain port

	overGRPC, overHTTP strangers

	grpc    *grpc.Server // for clients
	inner   *grpc.Server // for the gateway, without a limit of streams
	pipe    *pipe        // the listener of inner
	conn    *grpc.ClientConn
	gateway http.Handler
	http    *http.Server

	grpcConns atomic.Int64 // connections of clients over gRPC

	health       *health.Server
	shuttingDown atomic.Bool
	moved        atomic.Bool   // another worker of dynlb serves
	ending       chan struct{} // closed to end all streams
	end          func()        // closes ending, once
}

// New returns a Server that serves nothing until Serve; requests to StatusHandler
// wait for that. Call Shutdown when done with it, even without a Serve.
func New(options Options) (*Server, error) {
	if len(options.Apps) == 0 || options.Metrics == nil {
		return nil, errors.New("make control server: Apps and Metrics are required")
	}
	if err := options.Metrics.addBuildInfo(options.Version); err != nil {
		return nil, fmt.Errorf("make control server: %w", err)
	}
	s := &Server{
		log:    options.Log,
		auth:   options.Auth,
		pipe:   newPipe(),
		health: health.NewServer(),
		ending: make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.sessions = options.Sessions; s.sessions == nil {
		s.sessions, _ = NewSessions(nil) // without a store it does not fail
	}
	s.tlsLog = &errorLog{log: s.log}
	s.apps.set(options.Apps)
	s.end = sync.OnceFunc(func() { close(s.ending) })

	control := newControl(&s.apps, &options, s.log)
	s.grpc = s.newClientGRPC(control)
	s.inner = s.newGRPC(control)
	var err error
	if s.conn, s.gateway, err = newGateway(s.pipe); err != nil {
		return nil, fmt.Errorf("make control server: %w", err)
	}
	page, err := dashboard.New()
	if err != nil {
		return nil, fmt.Errorf("make control server: %w", err)
	}
	s.http = s.newAdmin(s.adminHandler(options, control, page))
	return s, nil
}

// Serve serves gRPC and HTTP until Shutdown; then it returns nil. When a listener
// fails, it ends everything and returns the error. It closes the listeners.
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
	serve("gRPC", func() error {
		l := s.bounded(grpcListener, &s.overGRPC, s.plainGRPC)
		l.open = &s.grpcConns
		return s.grpc.Serve(l)
	})
	serve("admin HTTP", func() error { return s.serveHTTP(s.bounded(httpListener, &s.overHTTP, s.plainHTTP)) })
	running.Wait()
	close(failures)
	var all []error
	for err := range failures {
		all = append(all, err)
	}
	return errors.Join(all...)
}

// NotServing makes health checks of dynlb (gRPC health, /readyz) fail from now on.
// Everything else continues. It cannot be undone.
func (s *Server) NotServing() {
	s.shuttingDown.Store(true)
	s.health.Shutdown()
}

// Moved has calls that end from now on tell their clients that another worker of dynlb
// serves.
func (s *Server) Moved() { s.moved.Store(true) }

// Shutdown ends Serve: it closes the listeners, ends the streams with
// UNAVAILABLE, and lets the calls in flight finish. It cuts clients off that are
// still connected when ctx ends, or after one second.
func (s *Server) Shutdown(ctx context.Context) error {
	s.NotServing()
	s.end()
	ctx, cancel := context.WithTimeout(ctx, shutdownGrace)
	defer cancel()

	var ending sync.WaitGroup
	ending.Go(func() { s.stopGRPC(ctx, s.grpc, &s.grpcConns) })
	var err error
	if s.http.Shutdown(ctx) != nil {
		s.log.Warn("HTTP clients of the control plane were cut off")
		err = s.http.Close()
	}
	s.stopGRPC(ctx, s.inner, nil) // after HTTP, whose requests it carries out
	ending.Wait()
	if err = errors.Join(err, s.pipe.Close(), s.conn.Close()); err != nil {
		return fmt.Errorf("shut down control server: %w", err)
	}
	return nil
}

// stopGRPC stops a server gracefully, or at once when ctx ends. The log says so if it
// had connections of clients then.
func (s *Server) stopGRPC(ctx context.Context, server *grpc.Server, clients *atomic.Int64) {
	stopped := make(chan struct{})
	go func() { // ends with the calls, by Stop at the latest; stopGRPC waits for it
		server.GracefulStop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		if clients != nil && clients.Load() > 0 {
			s.log.Warn("gRPC clients were cut off")
		}
		server.Stop()
		<-stopped
	}
}

// abort ends everything at once.
func (s *Server) abort() {
	s.NotServing()
	s.end()
	_ = s.http.Close() // the first failure is returned, not this one
	s.grpc.Stop()
	s.inner.Stop()
}
