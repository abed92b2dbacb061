package daemon

import (
	"context"
	"errors"
	"net"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/internal/supervisor"
)

// reload puts in force what Load returns. If any of it cannot be, nothing
// changes, and the log, the status and the metrics say why. What takes new
// instances is only begun.
func (d *Daemon) reload(now context.Context) {
	next, err := d.prepare()
	if err != nil {
		d.reloaded(err)
		return
	}
	// From here on nothing can fail, but for new instances.
	before := d.plan.config
	d.plan = next.plan
	d.registry.Configure(d.plan.registry)
	d.proxy.Configure(d.plan.proxy)
	done := d.supervisor.Configure(d.plan.supervisor)
	d.autoscaler.Configure(d.plan.rules)
	d.replaceControl(now, next.control)
	d.replacePublic(next.public, before.Listen)
	logPlan(d.log, &d.plan)
	d.parts.Go(func() { d.reloaded(<-done) }) // the supervisor ends it
}

// prepared is a configuration that can be put in force.
type prepared struct {
	plan    plan
	control *control     // nil: it stays
	public  net.Listener // nil: it stays
}

// prepare does all that can fail, and changes nothing.
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
		if p.public, err = open("listen", settings.Listen, nil); err != nil {
			if p.control != nil {
				p.control.close()
			}
			return prepared{}, err
		}
	}
	return p, nil
}

// reloaded tells how a reload ended.
func (d *Daemon) reloaded(err error) {
	switch {
	case err == nil:
		d.log.Info("config in force")
	case errors.Is(err, registry.ErrClosed), errors.Is(err, supervisor.ErrSuperseded):
		return // another one, or none, is to come
	default:
		d.log.Error("config not in force", "error", err)
	}
	d.board.SetReload(err)
}

// replaceControl serves another control plane in place of the one that is.
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
			d.log.Warn("clients of the former control plane were cut off", "error", err)
		}
	})
}

// replacePublic serves another public listener in place of the one that is. The
// connections that were accepted on that one stay.
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
