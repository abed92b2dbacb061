package daemon

import "github.com/dynlb/dynlb/internal/app"

// newApps returns the apps of the plan. They run nothing yet.
func (d *Daemon) newApps() app.Set {
	apps := make(app.Set)
	for name, settings := range d.plan.apps {
		apps[name] = app.New(app.Options{
			Name: name, Settings: settings, Log: d.log, InstanceLog: d.options.InstanceLog,
		})
	}
	return apps
}

// defaultApp returns the app that the proxy and the control plane serve. A config
// has this one app only, so no request has to be routed to one of several.
func (d *Daemon) defaultApp() *app.App { return d.apps[app.Default] }
