package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/fleet/local"
	"github.com/dynlb/dynlb/internal/keeper"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/sibling"
	"github.com/dynlb/dynlb/internal/systemd"
	"github.com/dynlb/dynlb/proxy/sticky"
)

// goneTimeout is how long an instance may take to stop whose app is gone: the default of
// stopTimeout.
const goneTimeout = 5 * time.Second

// host is what the apps of a daemon share: their ports, and what runs their instances.
type host struct {
	ports *local.Ports
	kept  *kept // nil: instances are children of this process

	log    *slog.Logger   // of what the fleets read; nil: none
	access sibling.Access // to siblings, by the plan

	sessionKey [sticky.KeySize]byte // of apps without siblings
}

// keeper returns what the fleets start processes with; nil without a keeper.
func (h host) keeper() local.Keeper {
	if h.kept == nil {
		return nil
	}
	return h.kept
}

// kept are the instances of the keeper, as the fleets know them.
type kept struct {
	client *keeper.Client
	log    *slog.Logger

	mu      sync.Mutex
	running []local.Running // that no fleet has taken over yet
}

// newKept returns nil without a client.
func newKept(c *keeper.Client, log *slog.Logger) *kept {
	if c == nil {
		return nil
	}
	return &kept{client: c, log: log}
}

// Start implements local.Keeper.
func (k *kept) Start(spec process.Spec) (*process.Process, error) { return k.client.Start(spec) }

// Adopt implements local.Keeper.
func (k *kept) Adopt(app string) []local.Running {
	return k.take(func(r local.Running) bool { return r.Label.App == app })
}

// count returns how many instances of an app have not been taken over and are not being
// stopped.
func (k *kept) count(app string) int {
	if k == nil {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fetchLocked()
	n := 0
	for _, r := range k.running {
		if r.Label.App == app && !r.Stopping {
			n++
		}
	}
	return n
}

// stopRest stops the instances of apps that do not exist any more.
func (k *kept) stopRest(ctx context.Context, apps map[string]appPlan) {
	if k == nil {
		return
	}
	gone := k.take(func(r local.Running) bool { _, exists := apps[r.Label.App]; return !exists })
	for _, r := range gone {
		k.log.Info("instance of an app that is gone, stopping it", "app", r.Label.App, "instance", string(r.ID), "pid", r.PID)
		p := r.Process(nil, nil, nil)
		go p.Stop(ctx, goneTimeout) // ends with the process
	}
}

// take takes those of the instances that match.
func (k *kept) take(matches func(local.Running) bool) (taken []local.Running) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fetchLocked()
	k.running = slices.DeleteFunc(k.running, func(r local.Running) bool {
		if matches(r) {
			taken = append(taken, r)
			return true
		}
		return false
	})
	return taken
}

// fetchLocked fetches what the keeper has told of since the last time.
func (k *kept) fetchLocked() {
	for _, a := range k.client.Adopted() {
		r := local.Running{ID: registry.ID(a.ID), PID: a.PID, Started: a.Started, Stopping: a.Stopping}
		if err := json.Unmarshal(a.Label, &r.Label); err != nil {
			k.log.Warn("instance of the keeper has no label", "instance", a.ID, "error", err)
		}
		r.Process = a.Process
		k.running = append(k.running, r)
	}
}

// awaitServe tells the keeper that this worker can serve, and waits until it is to. It
// returns the state of the worker that served before.
func awaitServe(c *keeper.Client) (*keeper.Serve, error) {
	if err := c.Ready(); err != nil {
		return nil, err
	}
	for e := range c.Events() {
		if e.Serve != nil {
			return e.Serve, nil
		}
		if e.Lost != nil {
			return nil, e.Lost
		}
	}
	return nil, keeper.ErrLost
}

// followKeeper heeds what the keeper says, until ctx ends.
func (d *Daemon) followKeeper(ctx context.Context) {
	if d.options.Keeper == nil {
		return
	}
	for {
		select {
		case e := <-d.options.Keeper.Events():
			switch {
			case e.Lost != nil:
				d.fail(fmt.Errorf("follow keeper: %w", e.Lost))
				return
			case e.Retire:
				d.retiring <- e.MayRefuse // capacity 1, and it comes again only after a refusal
			case e.Report != nil:
				d.applyReport(e.Report)
			case e.InFlight != nil:
				d.applyInFlight(e.InFlight)
			}
		case <-ctx.Done():
			return
		}
	}
}

// hold has the keeper hold these listeners and no others: a keeper that held one that this
// process has closed would take connections that are accepted by none.
func (d *Daemon) hold(ctx context.Context, sockets ...keeper.Socket) {
	if d.options.Keeper == nil {
		return
	}
	sockets = slices.DeleteFunc(sockets, func(s keeper.Socket) bool { return s.Listener == nil })
	if err := d.options.Keeper.Listen(ctx, sockets); err != nil && !errors.Is(err, keeper.ErrRetired) && !errors.Is(err, context.Canceled) { // a stop at once waits for no answer
		d.log.Error("give listeners to keeper", "error", err)
	}
}

// sockets returns the listeners of a config with their keys.
func sockets(c *config.Config, public, redirect net.Listener, control *control) []keeper.Socket {
	return []keeper.Socket{
		{Name: "listen=" + c.Listen, Listener: public},
		{Name: "tls.redirect=" + c.TLS.Redirect, Listener: redirect},
		{Name: "admin=" + c.Admin, Listener: control.admin},
		{Name: "adminHTTP=" + c.AdminHTTP, Listener: control.adminHTTP},
	}
}

// holdAll has the keeper hold the listeners in use.
func (d *Daemon) holdAll(ctx context.Context) {
	d.hold(ctx, sockets(&d.plan.config, d.public, d.redirect.socket(), d.control.Load())...)
}

// holdNext has the keeper hold the listeners that are going to be in use.
func (d *Daemon) holdNext(ctx context.Context, next *prepared) {
	public, redirect, c := next.public, next.redirect, next.control
	if public == nil {
		public = d.public
	}
	if !next.newRedirect {
		redirect = d.redirect.socket()
	}
	if c == nil {
		c = d.control.Load()
	}
	d.hold(ctx, sockets(&next.plan.config, public, redirect, c)...)
}

// serviceOf returns this process as a service of systemd. A worker reports through the
// keeper, which is the main process of the service.
func serviceOf(c *keeper.Client) (*systemd.Service, error) {
	if c == nil {
		return systemd.FromEnvironment()
	}
	w := c.Welcome()
	err := errors.Join(w.BadListeners...)
	if !w.Notify {
		return nil, err
	}
	return systemd.Through(c.Notify, w.Watchdog), err
}

// mainPID returns the process id of dynlb: that of the keeper if there is one.
func mainPID(c *keeper.Client) int {
	if c == nil {
		return os.Getpid()
	}
	return c.Welcome().PID
}

// mainEnvironment returns what reads the environment of dynlb, as it was at its start.
func mainEnvironment(c *keeper.Client) func(string) string {
	return func(name string) string {
		if c != nil && name == "NOTIFY_SOCKET" && c.Welcome().Notify {
			return "the keeper's"
		}
		return os.Getenv(name)
	}
}
