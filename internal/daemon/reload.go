package daemon

import (
	"context"
	"errors"
	"net"

	"github.com/dynlb/dynlb/internal/app"
	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

// reload loads the config and applies it. If any of it cannot be applied, nothing
// changes, and the log, the status and the metrics say why. A rolling restart that
// the change needs is begun here; its end is reported later.
func (d *Daemon) reload(now context.Context) {
	next, err := d.prepare()
	if err != nil {
		for _, a := range d.apps {
			reloaded(a, err)
		}
		return
	}
	// Nothing below can fail, apart from the start of new instances.
	before := d.plan.config
	d.plan = next.plan
	d.proxy.Configure(d.plan.proxy)
	for name, settings := range d.plan.apps { // the same names in every plan
		a := d.apps[name]
		done := a.Configure(settings)
		d.parts.Go(func() { reloaded(a, <-done) }) // ends with the app at the latest
	}
	d.replaceControl(now, next.control)
	d.replacePublic(next.public, before.Listen)
	logPlan(d.log, &d.plan)
}

// prepared is a config that can be applied without an error.
type prepared struct {
	plan    plan
	control *control     // nil: the present one stays
	public  net.Listener // nil: the present one stays
}

// prepare does everything that can fail, and changes nothing.
func (d *Daemon) prepare() (p prepared, err error) {
	settings, err := d.options.Load()
	if err != nil {
		return prepared{}, err
	}
	if p.plan, err = newPlan(settings); err != nil {
		return prepared{}, err
	}
	before := &d.plan.config
	if before.Auth != settings.Auth || before.Admin != settings.Admin || before.AdminHTTP != settings.AdminHTTP {
		if p.control, err = d.newControl(&settings, d.control.Load()); err != nil {
			return prepared{}, err
		}
	}
	if before.Listen != settings.Listen {
		if p.public, err = listen("listen", settings.Listen); err != nil {
			return prepared{}, errors.Join(err, p.control.discard())
		}
	}
	return p, nil
}

// reloaded reports the result of a reload for an app.
func reloaded(a *app.App, err error) {
	switch {
	case err == nil:
		a.Log.Info("config reloaded")
	case errors.Is(err, registry.ErrClosed), errors.Is(err, fleet.ErrSuperseded):
		return // the daemon stops, or a later reload reports its own result
	default:
		a.Log.Error("config reload failed, keeping the previous config", "error", err)
	}
	a.Board.SetReload(err)
}

// replaceControl serves next in place of the present control plane, whose clients
// have to connect again. Nil: nothing changes.
func (d *Daemon) replaceControl(now context.Context, next *control) {
	if next == nil {
		return
	}
	before := d.control.Swap(next)
	d.serveControl(next)
	d.log.Info("control plane replaced",
		"admin", next.admin.Addr().String(), "adminHTTP", next.adminHTTP.Addr().String())
	d.parts.Go(func() {
		if err := before.retire(now); err != nil {
			d.log.Warn("stop the previous control plane", "error", err)
		}
	})
}

// replacePublic serves next in place of the present public listener. Connections
// that were accepted before stay open. Nil: nothing changes.
func (d *Daemon) replacePublic(next net.Listener, address string) {
	if next == nil {
		return
	}
	before := d.public
	d.public = next
	d.servePublic(next)
	d.log.Info("public listener replaced", "listen", next.Addr().String(), "before", address)
	d.proxy.Leave(before)
}
