package daemon

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
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/supervisor"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/server"
)

// Daemon is `dynlb serve`: every part, wired. Create one with New.
type Daemon struct {
	options    Options
	log        *slog.Logger
	registry   *registry.Registry
	board      *notice.Board
	supervisor *supervisor.Supervisor
	autoscaler *autoscaler.Autoscaler
	proxy      *proxy.Proxy
	metrics    *server.Metrics
	control    atomic.Pointer[control] // changed by Run
	parts      sync.WaitGroup          // all that run
	failed     chan error              // capacity 1: why a part ended that should not have
	reloads    chan string             // capacity 1: why the config is to be read again
	stopping   chan struct{}           // closed by the first Shutdown
	stopped    chan struct{}           // closed when Run has returned
	killed     chan struct{}           // closed when a Shutdown does not wait any longer
	stopOnce   sync.Once               // closes stopping
	killOnce   sync.Once               // closes killed

	// Owned by Run:

	plan   plan // in force
	public net.Listener
}

// Options say what a daemon runs by.
type Options struct {
	// Config is in force from the start.
	Config config.Config
	// Load returns the config that Reload puts in force. Required by Reload.
	Load func() (config.Config, error)
	// Engine is what carries plain HTTP/1.1.
	Engine proxy.Engine
	// Log is dynlb's own log. Required.
	Log *slog.Logger
	// InstanceLog gets what instances print. Nil: Log.
	InstanceLog *slog.Logger
	// Version is dynlb's own, for the metrics.
	Version string
}

// New opens the ports and wires the parts. Call Run next, which closes them.
func New(o Options) (*Daemon, error) {
	if o.InstanceLog == nil {
		o.InstanceLog = o.Log
	}
	p, err := newPlan(o.Config)
	if err != nil {
		return nil, ConfigError{err}
	}
	logPlan(o.Log, &p)
	d := &Daemon{
		options: o, log: o.Log, plan: p,
		failed: make(chan error, 1), reloads: make(chan string, 1),
		stopping: make(chan struct{}), stopped: make(chan struct{}), killed: make(chan struct{}),
	}
	d.registry = registry.New(p.registry)
	d.board = notice.New(d.registry)
	d.supervisor = supervisor.New(supervisor.Options{
		Registry: d.registry, Board: d.board, Settings: p.supervisor, Log: o.Log, Output: o.InstanceLog,
	})
	d.autoscaler = autoscaler.New(autoscaler.Options{
		Board: d.board, Fleet: d.supervisor, Rules: p.rules, Log: o.Log,
	})
	d.metrics = server.NewMetrics(d.board)
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
		Engine:   o.Engine,
		Status:   http.HandlerFunc(d.status),
		Record:   d.metrics.Request,
		Log:      o.Log,
	})
	d.board.SetReload(nil)
	return d, nil
}

// Addresses are where a daemon listens: host:port, with the port that the kernel
// chose where the config has 0.
type Addresses struct{ Listen, Admin, AdminHTTP string }

// Addresses returns where the daemon listens at the start.
func (d *Daemon) Addresses() Addresses {
	c := d.control.Load()
	return Addresses{d.public.Addr().String(), c.admin.Addr().String(), c.adminHTTP.Addr().String()}
}

// Run serves until ctx ends, Shutdown is called or a part fails, and then shuts
// down in order:
//
//  1. health says NOT_SERVING, and the number of instances stays
//  2. no new connections; requests in flight finish, for drainTimeout at most
//  3. watches end
//  4. the instances stop, SIGKILLed after stopTimeout
//
// All of it has one deadline, drainTimeout and stopTimeout together. Run returns
// when nothing is left.
func (d *Daemon) Run(ctx context.Context) error {
	defer close(d.stopped)
	now, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go func() { // ends with Run
		select {
		case <-d.killed:
			end()
		case <-now.Done():
		}
	}()
	scaling, stopScaling := context.WithCancel(now)
	defer stopScaling()
	d.parts.Go(func() { d.supervisor.Run(now) })
	d.parts.Go(func() { d.autoscaler.Run(scaling) })
	d.serveControl(d.control.Load())
	d.servePublic(d.public)
	at := d.Addresses()
	d.log.Info("serving", "listen", at.Listen, "admin", at.Admin, "adminHTTP", at.AdminHTTP,
		"minInstances", d.plan.config.MinInstances, "maxInstances", d.plan.config.MaxInstances)

	var cause error
	for running := true; running; {
		select {
		case <-ctx.Done():
			running = false
		case <-d.stopping:
			running = false
		case cause = <-d.failed:
			running = false
		case why := <-d.reloads:
			d.log.Info("reading config again", "reason", why)
			d.reload(now)
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

// Reload has the config read again and put in force, for a reason that is logged.
// It does not wait for that. It may be called at any time.
func (d *Daemon) Reload(reason string) {
	select {
	case d.reloads <- reason:
	default: // it is going to be read anyway
	}
}

// Shutdown has Run end in order, and at once when ctx ends, and waits for it.
func (d *Daemon) Shutdown(ctx context.Context) {
	d.stopOnce.Do(func() { close(d.stopping) })
	select {
	case <-d.stopped:
		return
	case <-ctx.Done():
	}
	d.killOnce.Do(func() { close(d.killed) })
	<-d.stopped
}

// fail ends Run, unless err is nil.
func (d *Daemon) fail(err error) {
	if err == nil {
		return
	}
	select {
	case d.failed <- err:
	default: // it ends already
		d.log.Error("part failed", "error", err)
	}
}

func (d *Daemon) serveControl(c *control) {
	d.parts.Go(func() { d.fail(c.serve()) })
}

func (d *Daemon) servePublic(l net.Listener) {
	d.parts.Go(func() { d.fail(d.proxy.Serve(l)) })
}

func (d *Daemon) shutdown(now context.Context, stopScaling func()) error {
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
