package daemon

import (
	"maps"
	"slices"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/autoscaler"
	"github.com/dynlb/dynlb/internal/machine"
	"github.com/dynlb/dynlb/server"
)

// newApps returns the apps of the plan. They run nothing yet.
func (d *Daemon) newApps() app.Set {
	apps := make(app.Set)
	room := autoscaler.NewRoom(machine.New())
	for name, settings := range d.plan.apps {
		apps[name] = app.New(app.Options{
			Name: name, Settings: settings, Log: d.log, Room: room, InstanceLog: d.options.InstanceLog,
		})
	}
	return apps
}

// controlApps returns the apps as the control plane knows them, by name.
func (d *Daemon) controlApps() []server.App {
	var out []server.App
	for _, name := range slices.Sorted(maps.Keys(d.apps)) {
		a := d.apps[name]
		out = append(out, server.App{Name: name, Board: a.Board, Scaler: a.Scaler, Restarter: a.Fleet})
	}
	return out
}

// defaultApp returns the app that the proxy serves. A config has this one app only,
// so no request has to be routed to one of several.
func (d *Daemon) defaultApp() *app.App { return d.apps[app.Default] }
