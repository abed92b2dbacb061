package daemon

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/certificates"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/fleet/local"
	"github.com/dynlb/dynlb/internal/history"
	"github.com/dynlb/dynlb/internal/instancelog"
	"github.com/dynlb/dynlb/internal/keeper"
	"github.com/dynlb/dynlb/internal/machine"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/state"
	"github.com/dynlb/dynlb/internal/systemd"
	"github.com/dynlb/dynlb/internal/tracing"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/server"
)

// Options say what a daemon runs with.
type Options struct {
	// Config is applied at the start.
	Config config.Config
	// Load returns the config that a reload applies. Nil: reloads fail.
	Load func() (config.Config, error)
	// Engine carries requests. The zero value is [proxy.EngineAuto].
	Engine proxy.Engine
	// Log is dynlb's own log. Required.
	Log *slog.Logger
	// InstanceLog gets the output of instances. Nil: Log.
	InstanceLog *slog.Logger
	// Stdout is standard output, to which the access log may go. Nil: os.Stdout.
	Stdout io.Writer
	// Version is that of this binary, for the metrics.
	Version string
	// Service is this process as a service of systemd. Nil: systemd has not started it.
	Service *systemd.Service
	// RunFolder gets the record of this run, which `dynlb ls` shows. Empty: there is none.
	RunFolder string
	// Keeper runs the instances and has the listeners. Nil: this process does.
	Keeper *keeper.Client
	// saved is what the worker before has left. Nil: there was none, or nothing is known.
	saved *saved
	// epoch is the number of this worker among those of its keeper.
	epoch uint64
	// Loops is how many event loops carry requests. Zero: GOMAXPROCS.
	Loops int
}

// Daemon is a load balancer with its instances and its control plane. Create one
// with New and call Run once. Its methods are safe for concurrent use.
type Daemon struct {
	options Options
	log     *slog.Logger
	apps    *app.Set
	host    host             // where the instances of all apps run
	room    *autoscaler.Room // what the machine has left for them
	router  *route.Table
	proxy   *proxy.Proxy
	tracer  *tracing.Tracer // nil: requests are not traced
	metrics *server.Metrics
	state   *state.Folder // nil: nothing is kept
	history *history.Store
	meters  history.Meters
	logs    *instancelog.Store
	events  *notice.Sequence
	unclean string // why the dynlb before this one has not ended as it should; "" if it has
	// sessions are those of the dashboard that have ended.
	sessions *server.Sessions
	control  atomic.Pointer[control] // stored by New and Run

	named        atomic.Pointer[[]string]   // the files that the config last loaded names
	access       atomic.Pointer[accessLogs] // never nil once the logs are open
	droppedLines atomic.Uint64              // of access logs that are closed

	secured      atomic.Bool           // tls was on, at the start or after a reload
	certificates *certificates.Manager // without any: the public listener speaks plain HTTP
	publicPort   atomic.Int32          // of the public listener
	resetKey     [32]byte              // see proxy.Options.ResetKey

	reloadAfterDeploy atomic.Bool // a config waits for the end of a deploy

	keeping   once       // what is kept over a restart, which one process holds at a time
	documents *documents // in place of those of a state folder
	draining  workers    // that finish their requests
	upgrades  upgrades
	counters  counters
	retiring  chan bool // gets a value when another worker is to serve: whether this one may refuse

	waiters waiters // for the result of the next reload
	// requestReload has the config loaded for a call: Reload, or what notes the content of the
	// file first. It is set before Run.
	requestReload func(reason string)
	ordered       atomic.Bool    // a call has stopped dynlb
	stopTime      atomic.Int64   // how long a stop may take, in nanoseconds
	reloads       chan string    // capacity 1: the reason of the next reload
	failed        chan error     // capacity 1: why a part has ended too early
	parts         sync.WaitGroup // every goroutine that Run has started
	stop          func()         // closes stopping, once
	stopping      chan struct{}
	kill          func() // closes killed, once
	killed        chan struct{}
	stopped       chan struct{} // closed when Run returns

	// Owned by New, then by Run:

	plan      plan         // in force
	trial     *trial       // the reload under way; nil while there is none
	public    net.Listener // in use
	redirect  *redirect    // in use; nil: there is none
	http3     http3
	first     *certificates.Set
	begin     time.Time // of Run
	runRecord string    // path of the record of this run; "": there is none
	cut       bool      // requests were cut off by the shutdown
	cleanups  cleanups
	moved     bool // another worker serves
}

// New opens the listeners and builds the parts. Nothing is served before Run, which
// also closes the listeners.
func New(o Options) (*Daemon, error) {
	if o.InstanceLog == nil {
		o.InstanceLog = o.Log
	}
	if o.Stdout == nil {
		o.Stdout = os.Stdout
	}
	if o.Load == nil {
		o.Load = func() (config.Config, error) {
			return config.Config{}, errors.New("reload config: there is nothing to read it from")
		}
	}
	on := host{ports: new(local.Ports), kept: newKept(o.Keeper, o.Log), log: o.Log, sessionKey: o.saved.key(func(s *saved) []byte { return s.SessionKey })}
	p, err := newPlan(o.Config, on)
	if err != nil {
		return nil, ConfigError{err}
	}
	logPlan(o.Log, &p)
	d := &Daemon{
		options: o, log: o.Log, plan: p, host: on, room: autoscaler.NewRoom(machine.New()),
		reloads: make(chan string, 1), retiring: make(chan bool, 1), failed: make(chan error, 1),
		stopping: make(chan struct{}), killed: make(chan struct{}), stopped: make(chan struct{}), documents: newDocuments(o.saved),
	}
	d.requestReload = d.Reload
	d.noteFiles(&d.plan.config)
	d.stop = sync.OnceFunc(func() { close(d.stopping) })
	d.kill = sync.OnceFunc(func() { close(d.killed) })
	if err := d.openKept(); err != nil {
		return nil, errors.Join(err, d.cleanups.run(context.Background()))
	}
	d.apps = d.newApps()
	d.restoreSaved()
	d.metrics = server.NewMetrics(d.controlApps())
	if err := errors.Join(d.listen(), d.startAccessLog(), d.startTracing()); err != nil {
		return nil, errors.Join(err, d.cleanups.run(context.Background()))
	}
	d.router = route.NewTable(d.rules())
	// From its beginning the proxy has goroutines that only its Shutdown ends.
	d.proxy = proxy.New(proxy.Options{
		Router:   d.router,
		Settings: d.plan.proxy,
		Engine:   d.options.Engine,
		TLS:      d.certificates.TLS(),
		ResetKey: d.resetKey,
		Status:   http.HandlerFunc(d.serveStatus),
		Record:   d.record,
		Log:      d.log,
		Loops:    d.options.Loops,
	})
	d.metrics.AddPublic(d.readPublic)
	d.resume()
	d.reportUncleanEnd()
	for _, a := range d.apps.All() {
		a.Deploys.ReportInterrupted()
		a.Board.SetReload(nil) // the config of the start counts as loaded
	}
	return d, nil
}

// listen opens the listeners, and builds the control plane on two of them.
func (d *Daemon) listen() error {
	public, err := d.listenFirst("listen", d.plan.config.Listen)
	if err != nil {
		return err
	}
	d.cleanups.add(func(context.Context) error {
		_ = public.Close() // Run has closed it, or it has accepted no connection
		return nil
	})
	d.public = public
	d.publicPort.Store(int32(portOf(public.Addr().String())))
	if err := d.openHTTP3(); err != nil {
		return err
	}
	if address := d.plan.config.TLS.Redirect; address != "" {
		l, err := d.listenFirst("tls.redirect", address)
		if err != nil {
			return err
		}
		d.cleanups.add(func(context.Context) error {
			_ = l.Close() // Run has closed it, or it has accepted no connection
			return nil
		})
		d.redirect = d.newRedirect(l)
	}
	if err := d.newCertificates(); err != nil {
		return err
	}
	control, err := d.newControl(&d.plan.config)
	if err != nil {
		return err
	}
	d.control.Store(control)
	d.closeInherited()
	return nil
}

// serveStatus answers GET /lb-status on the public port.
func (d *Daemon) serveStatus(w http.ResponseWriter, r *http.Request) {
	d.control.Load().server.StatusHandler().ServeHTTP(w, r)
}

// Addresses are host:port pairs that a daemon listens on. The port is the one that
// the kernel chose where the config has 0.
type Addresses struct{ Listen, Admin, AdminHTTP string }

// Addresses returns the addresses of the first config. Call it before Run.
func (d *Daemon) Addresses() Addresses {
	c := d.control.Load()
	return Addresses{d.public.Addr().String(), c.admin.Addr().String(), c.adminHTTP.Addr().String()}
}
