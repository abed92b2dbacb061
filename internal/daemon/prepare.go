package daemon

import (
	"context"
	"errors"
	"net"

	"github.com/dynlb/dynlb/internal/certificates"
)

// prepared is a config that can be put in force. Its listeners are open, and not
// served yet, apart from those that take over a port.
type prepared struct {
	plan      plan
	control   *control     // nil: the present one stays
	public    net.Listener // nil: the present one stays
	access    *accessLogs
	takeovers []takeover

	certificates *certificates.Set // without any: the public listener speaks plain HTTP
	redirect     net.Listener      // nil: none, or the present one stays
	newRedirect  bool              // redirect replaces the present one

	http3Address string       // of the listener for HTTP/3; "": there is none
	http3        *net.UDPConn // nil: none, the present one stays, or it is waited for
}

// takeover is a listener on a port that present listeners have on another host. They
// are going to be replaced. It is not opened before: it could take their connections.
type takeover struct {
	key, address string
	listener     *net.Listener // is set by open
	holders      []net.Listener
}

// prepare does everything that can fail, apart from the takeover of ports, and changes
// nothing.
func (d *Daemon) prepare() (*prepared, error) {
	settings, err := d.options.Load()
	if err != nil {
		return nil, err
	}
	if !sameState(&settings, &d.plan.config) {
		return nil, ConfigError{errStateDir}
	}
	p := &prepared{}
	if p.plan, err = newPlan(settings, d.host); err != nil {
		return nil, err
	}
	d.noteFiles(&settings)
	if err := d.prepareCertificates(p); err != nil {
		return nil, err
	}
	if err := d.prepareListeners(p); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	if err := d.prepareHTTP3(p); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	if p.access, err = d.openAccessLogs(&p.plan.config); err != nil {
		return nil, errors.Join(err, p.discard())
	}
	return p, nil
}

// prepareListeners opens the listeners that the config has and the present one has
// not.
func (d *Daemon) prepareListeners(p *prepared) (err error) {
	before, next, present := &d.plan.config, &p.plan.config, d.control.Load()
	newPublic := before.Listen != next.Listen && !sameAddress(d.public, next.Listen)
	var replaced []net.Listener
	for _, x := range []struct {
		differs  bool
		listener net.Listener
	}{
		{newPublic, d.public},
		{before.Admin != next.Admin, present.admin},
		{before.AdminHTTP != next.AdminHTTP, present.adminHTTP},
	} {
		if x.differs {
			replaced = append(replaced, x.listener)
		}
	}
	p.newRedirect = before.TLS.Redirect != next.TLS.Redirect
	if p.newRedirect && d.redirect != nil {
		replaced = append(replaced, d.redirect.listener)
	}
	if newPublic {
		err = p.listen("listen", next.Listen, &p.public, replaced)
	}
	if err == nil && p.newRedirect && next.TLS.Redirect != "" {
		err = p.listen("tls.redirect", next.TLS.Redirect, &p.redirect, replaced)
	}
	if err != nil || before.Auth == next.Auth && before.Admin == next.Admin && before.AdminHTTP == next.AdminHTTP {
		return err
	}
	if p.control, err = d.buildControl(next); err != nil {
		return err
	}
	if before.Admin == next.Admin {
		p.control.admin, err = share("admin", present.admin)
	} else {
		err = p.listen("admin", next.Admin, &p.control.admin, replaced)
	}
	if err != nil {
		return err
	}
	if before.AdminHTTP == next.AdminHTTP {
		p.control.adminHTTP, err = share("adminHTTP", present.adminHTTP)
	} else {
		err = p.listen("adminHTTP", next.AdminHTTP, &p.control.adminHTTP, replaced)
	}
	return err
}

// listen opens a listener, or leaves it to open if only listeners that are going to be
// replaced can have the port.
func (p *prepared) listen(key, address string, listener *net.Listener, replaced []net.Listener) error {
	if holders := onPort(replaced, address); len(holders) > 0 {
		p.takeovers = append(p.takeovers, takeover{key, address, listener, holders})
		return nil
	}
	var err error
	*listener, err = listen(key, address)
	return err
}

// open takes over the ports.
func (p *prepared) open() error {
	for _, t := range p.takeovers {
		l, err := takeOver(t.key, t.address, t.holders)
		if err != nil {
			return err
		}
		*t.listener = l
	}
	return nil
}

// discard closes the listeners.
func (p *prepared) discard() error {
	err := p.control.discard()
	for _, l := range []net.Listener{p.public, p.redirect} {
		if l != nil {
			err = errors.Join(err, l.Close())
		}
	}
	if p.http3 != nil {
		err = errors.Join(err, p.http3.Close())
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
	d.publicPort.Store(int32(portOf(next.Addr().String())))
	d.servePublic(next)
	d.log.Info("public listener replaced", "listen", next.Addr().String(), "before", address)
	d.proxy.Leave(before)
}
