package daemon

import (
	"context"
	"errors"
	"net"
)

// prepared is a config that can be put in force without an error. Its listeners are
// open, and not served yet.
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
			return prepared{}, errors.Join(err, p.discard())
		}
	}
	return p, nil
}

// discard closes the listeners.
func (p *prepared) discard() error {
	err := p.control.discard()
	if p.public != nil {
		err = errors.Join(err, p.public.Close())
	}
	return err
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
