package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/supervisor"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/server"
)

// daemon is `dynlb serve`: every part, wired.
type daemon struct {
	log        *slog.Logger
	registry   *registry.Registry
	supervisor *supervisor.Supervisor
	autoscaler *autoscaler.Autoscaler
	proxy      *proxy.Proxy
	metrics    *server.Metrics
	control    atomic.Pointer[control] // changed by run
	parts      sync.WaitGroup          // all that run
	failed     chan error              // capacity 1: why a part ended that should not have

	// Owned by run:

	plan   plan // in force
	public net.Listener
}

// newDaemon opens the ports and wires the parts; nothing runs before run.
func newDaemon(p plan, engine proxy.Engine, logs *logs) (*daemon, error) {
	log := logs.own
	d := &daemon{log: log, plan: p, failed: make(chan error, 1)}
	d.registry = registry.New(p.registry)
	d.supervisor = supervisor.New(supervisor.Options{
		Registry: d.registry, Settings: p.supervisor, Log: log, Output: logs.instances,
	})
	d.autoscaler = autoscaler.New(autoscaler.Options{
		Registry: d.registry, Fleet: d.supervisor, Rules: p.rules, Log: log,
	})
	d.metrics = server.NewMetrics(d.registry)
	public, err := open("listen", p.config.Listen, nil)
	if err != nil {
		return nil, err
	}
	d.public = public
	control, err := d.newControl(&p.config, nil)
	if err != nil {
		_ = public.Close() // nothing was accepted on it
		return nil, err
	}
	d.control.Store(control)
	d.proxy = proxy.New(proxy.Options{
		Registry: d.registry,
		Settings: p.proxy,
		Engine:   engine,
		Status:   http.HandlerFunc(d.status),
		Record:   d.metrics.Request,
		Log:      log,
	})
	d.registry.SetReload(nil)
	return d, nil
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
//
// Until then, each value of reloads has load called for the configuration, which
// is put in force; nil: never.
func (d *daemon) run(graceful, now context.Context, reloads <-chan string, load func() (config.Config, error)) error {
	scaling, stopScaling := context.WithCancel(now)
	defer stopScaling()
	d.parts.Go(func() { d.supervisor.Run(now) })
	d.parts.Go(func() { d.autoscaler.Run(scaling) })
	d.serveControl(d.control.Load())
	d.servePublic(d.public)
	d.log.Info("serving",
		"listen", d.public.Addr().String(),
		"admin", d.control.Load().admin.Addr().String(),
		"adminHTTP", d.control.Load().adminHTTP.Addr().String(),
		"minInstances", d.plan.config.MinInstances, "maxInstances", d.plan.config.MaxInstances)

	var cause error
	for running := true; running; {
		select {
		case <-graceful.Done():
			running = false
		case cause = <-d.failed:
			running = false
		case why := <-reloads:
			d.log.Info("reading config again", "reason", why)
			d.reload(now, load)
		}
	}
	cause = errors.Join(cause, d.shutdown(now, stopScaling))
	d.parts.Wait()
	select {
	case err := <-d.failed: // during the shutdown
		cause = errors.Join(cause, err)
	default:
	}
	d.log.Info("stopped")
	return cause
}

// fail ends run, unless err is nil.
func (d *daemon) fail(err error) {
	if err == nil {
		return
	}
	select {
	case d.failed <- err:
	default: // it ends already
		d.log.Error("part failed", "error", err)
	}
}

func (d *daemon) serveControl(c *control) {
	d.parts.Go(func() { d.fail(c.serve()) })
}

func (d *daemon) servePublic(l net.Listener) {
	d.parts.Go(func() { d.fail(d.proxy.Serve(l)) })
}

func (d *daemon) shutdown(now context.Context, stopScaling func()) error {
	settings, control := &d.plan.config, d.control.Load()
	deadline, cancel := context.WithTimeout(now, settings.DrainTimeout+settings.StopTimeout)
	defer cancel()
	draining, cancelDraining := context.WithTimeout(deadline, settings.DrainTimeout)
	defer cancelDraining()
	inFlight, state := 0, d.registry.Snapshot()
	for i := range state.Instances {
		inFlight += state.Instances[i].InFlight
	}
	d.log.Info("shutting down", "inFlight", inFlight, "drainTimeout", settings.DrainTimeout)
	control.server.NotServing()
	stopScaling()
	if err := d.proxy.Shutdown(draining); err != nil {
		d.log.Warn("requests were cut off", "error", err)
	}
	d.registry.Close()
	ended := make(chan error, 1)
	go func() { ended <- control.server.Shutdown(deadline) }() // must not take from the instances' time
	d.supervisor.Stop(deadline)
	return <-ended
}
