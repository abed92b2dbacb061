package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/supervisor"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/server"
)

// daemon is `dynlb serve`: every part, wired.
type daemon struct {
	settings   config.Config
	log        *slog.Logger
	listeners  listeners
	registry   *registry.Registry
	supervisor *supervisor.Supervisor
	autoscaler *autoscaler.Autoscaler
	proxy      *proxy.Proxy
	server     *server.Server
}

// listeners are the open ports.
type listeners struct{ public, admin, adminHTTP net.Listener }

// close closes those that are open.
func (l *listeners) close() {
	for _, listener := range []net.Listener{l.public, l.admin, l.adminHTTP} {
		if listener != nil {
			_ = listener.Close() // nothing was accepted on it
		}
	}
}

// newDaemon opens the ports and wires the parts; nothing runs before run.
func newDaemon(settings config.Config, argv func(port int) []string, log *slog.Logger) (*daemon, error) {
	d := &daemon{settings: settings, log: log}
	auth, err := serverAuth(settings.Auth, log)
	if err != nil {
		return nil, err
	}
	if err := d.listen(); err != nil {
		return nil, err
	}
	d.registry = registry.New(registry.Options{
		MaxConcurrency: settings.MaxConcurrency,
		QueueLimit:     settings.Queue.Limit,
		QueueTimeout:   settings.Queue.Timeout,
	})
	d.supervisor = supervisor.New(supervisor.Options{
		Registry: d.registry,
		Config:   settings,
		Argv:     argv,
		Log:      log,
	})
	d.autoscaler = autoscaler.New(autoscaler.Options{
		Registry: d.registry,
		Fleet:    d.supervisor,
		Rules: autoscaler.Rules{
			Bounds: registry.Bounds{Min: settings.MinInstances, Max: settings.MaxInstances},
			Up:     settings.ScaleUpThreshold,
			Down:   settings.ScaleDownThreshold,
			Idle:   settings.IdleTimeout,
			Window: settings.CheckInterval,
		},
		Log: log,
	})
	metrics := server.NewMetrics(d.registry)
	d.server, err = server.New(server.Options{
		Registry:  d.registry,
		Scaler:    d.autoscaler,
		Restarter: d.supervisor,
		Metrics:   metrics,
		Log:       log,
		Version:   versionText(),
		Auth:      auth,
		Hosts:     hostOf(settings.AdminHTTP),
	})
	if err != nil {
		d.listeners.close()
		return nil, err
	}
	d.proxy = proxy.New(proxy.Options{
		Registry: d.registry,
		Settings: proxy.Settings{
			RequestTimeout: settings.RequestTimeout,
			TrustedProxies: settings.TrustedProxies,
		},
		Status: d.server.StatusHandler(),
		Record: metrics.Request,
		Log:    log,
	})
	return d, nil
}

// hostOf returns the host in address, if it names one.
func hostOf(address string) []string {
	host, _, err := net.SplitHostPort(address)
	if err != nil || host == "" {
		return nil
	}
	return []string{host}
}

// listen opens the ports, or none.
func (d *daemon) listen() error {
	for _, l := range []struct {
		key, address string
		to           *net.Listener
	}{
		{"listen", d.settings.Listen, &d.listeners.public},
		{"admin", d.settings.Admin, &d.listeners.admin},
		{"adminHTTP", d.settings.AdminHTTP, &d.listeners.adminHTTP},
	} {
		listener, err := net.Listen("tcp", l.address)
		if err != nil {
			d.listeners.close()
			return fmt.Errorf("%w (set %s: in the config to use another port)", err, l.key)
		}
		*l.to = listener
	}
	return nil
}

// run serves until graceful ends, or a part fails, and then shuts down in order:
//
//  1. health says NOT_SERVING, and the number of instances stays
//  2. no new connections; requests in flight finish, for drainTimeout at most
//  3. watches end
//  4. the instances stop, SIGKILLed after stopTimeout
//
// All of it has one deadline, drainTimeout and stopTimeout together. When now
// ends, everything ends at once. run returns when nothing is left.
func (d *daemon) run(graceful, now context.Context) error {
	scaling, stopScaling := context.WithCancel(now)
	defer stopScaling()
	failed := make(chan error, 2) // one for each part that can
	var parts sync.WaitGroup
	parts.Go(func() { d.supervisor.Run(now) })
	parts.Go(func() { d.autoscaler.Run(scaling) })
	parts.Go(func() { failed <- d.server.Serve(d.listeners.admin, d.listeners.adminHTTP) })
	parts.Go(func() { failed <- d.proxy.Serve(d.listeners.public) })
	d.log.Info("serving",
		"listen", d.listeners.public.Addr().String(),
		"admin", d.listeners.admin.Addr().String(),
		"adminHTTP", d.listeners.adminHTTP.Addr().String(),
		"minInstances", d.settings.MinInstances, "maxInstances", d.settings.MaxInstances)

	var cause error
	select {
	case <-graceful.Done():
	case cause = <-failed:
	}
	cause = errors.Join(cause, d.shutdown(now, stopScaling))
	parts.Wait()
	close(failed)
	for err := range failed {
		cause = errors.Join(cause, err)
	}
	d.log.Info("stopped")
	return cause
}

func (d *daemon) shutdown(now context.Context, stopScaling func()) error {
	deadline, cancel := context.WithTimeout(now, d.settings.DrainTimeout+d.settings.StopTimeout)
	defer cancel()
	draining, cancelDraining := context.WithTimeout(deadline, d.settings.DrainTimeout)
	defer cancelDraining()

	d.log.Info("shutting down", "drainTimeout", d.settings.DrainTimeout)
	d.server.NotServing()
	stopScaling()
	if err := d.proxy.Shutdown(draining); err != nil {
		d.log.Warn("requests were cut off", "error", err)
	}
	d.registry.Close()
	ended := make(chan error, 1)
	go func() { ended <- d.server.Shutdown(deadline) }() // must not take from the instances' time
	d.supervisor.Stop(deadline)
	return <-ended
}
