package daemon

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/fleet/kube"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/server"
)

// newApp returns an app of the plan. It runs nothing yet.
func (d *Daemon) newApp(name string, settings app.Settings) *app.App {
	return app.New(app.Options{
		Name: name, Settings: settings, Log: d.log, Room: d.room, InstanceLog: d.options.InstanceLog,
		Sequence: d.events, Record: d.recordApp(name), Store: d.store(), DeployEnded: d.deployEnded,
		Running: d.host.kept.count(name),
	})
}

// newApps returns the apps of the plan.
func (d *Daemon) newApps() *app.Set {
	var all []*app.App
	for name, settings := range d.plan.apps {
		all = append(all, d.newApp(name, settings.Settings))
	}
	return app.NewSet(all...)
}

// controlApps returns the apps as the control plane knows them, by name.
func (d *Daemon) controlApps() []server.App {
	var out []server.App
	for _, a := range d.apps.All() {
		one := server.App{Name: a.Name, Board: a.Board, Scaler: a.Scaler, Restarter: a.Fleet, Deployer: a.Deploys, Pauser: a.Registry, Connections: connectionsOf(a.Route)}
		if f, shared := a.Fleet.(*kube.Fleet); shared {
			one.Siblings = f.Siblings()
		}
		out = append(out, one)
	}
	return out
}

// rules returns which requests are for which app, by the plan.
func (d *Daemon) rules() []route.Rule {
	var out []route.Rule
	for name := range d.plan.apps {
		c := d.plan.apps[name].config
		out = append(out, route.Rule{App: d.apps.Get(name).Route, Hosts: c.Hosts, Paths: c.Paths, Strip: c.Strip})
	}
	return out
}

// applyApps makes the apps those of the plan: it adds, changes and removes those that
// differ from before, and does not touch the others.
func (d *Daemon) applyApps(now context.Context, before map[string]appPlan) {
	for name, next := range d.plan.apps {
		old, exists := before[name]
		switch {
		case !exists:
			a := d.newApp(name, next.Settings)
			d.apps.Add(now, a)
			a.Log.Info("app added")
		case sameApp(&old, &next):
			d.apps.Get(name).Route.Configure(next.Requests) // what all apps have in common may differ
		default:
			d.apps.Get(name).Configure(next.Settings)
		}
	}
	d.router.Replace(d.rules())
	d.proxy.Rerouted()
	for name, old := range before {
		if _, stays := d.plan.apps[name]; !stays {
			d.apps.Get(name).Log.Info("app removed, it ends when its requests have finished", "drainTimeout", old.config.DrainTimeout)
			d.apps.Remove(now, name, retireLimit(&old.config))
		}
	}
	d.metrics.SetApps(d.controlApps())
}

// retireLimit is how long an app that was removed may take to end: its requests wait for
// an instance, and finish there, and then the instances stop.
func retireLimit(c *config.App) time.Duration {
	return c.Queue.Timeout + c.DrainTimeout + c.StopTimeout + time.Second
}

// sameApp reports whether two plans of an app are of the same config, and of a kubeconfig
// with the same content.
func sameApp(a, b *appPlan) bool {
	return reflect.DeepEqual(&a.config, &b.config) && sameCluster(a.Fleet, b.Fleet)
}

// names returns the names of the apps of a plan, for a log.
func (p *plan) names() string { return strings.Join(slices.Sorted(maps.Keys(p.apps)), ", ") }
