package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/dynlb/dynlb/internal/certificates"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/server"
)

// certificateSettings returns where the certificates of the public listener come from.
// The ports are those of the public listener and of the listener for plain HTTP; 0: there
// is no such listener.
func certificateSettings(settings *config.Config, tlsPort, httpPort int) (certificates.Settings, error) {
	t := &settings.TLS
	out := certificates.Settings{HTTP2: t.HTTP2}
	for i, pair := range t.Pairs() {
		key := fmt.Sprintf("tls.certificates[%d]", len(t.Certificates)-len(t.Pairs())+i)
		if i == 0 && t.Cert != "" {
			key = "tls.cert"
		}
		out.Files = append(out.Files, certificates.File{Key: key, Cert: pair.Cert, PrivateKey: pair.Key})
	}
	if len(t.Domains) == 0 && !t.Internal {
		return out, nil
	}
	storage := t.Storage
	if storage == "" {
		var err error
		if storage, err = certificates.DefaultStorage(os.Getenv); err != nil {
			return out, err
		}
	}
	if t.Internal {
		out.Internal.Storage = storage
	}
	if len(t.Domains) == 0 {
		return out, nil
	}
	host, _, _ := config.SplitAddress(settings.Listen)
	out.ACME = certificates.ACME{
		Domains: t.Domains, Email: t.Email, Directory: t.CA, Storage: storage, Host: host, TLSPort: tlsPort, HTTPPort: httpPort,
	}
	if t.CARoot != "" {
		roots, err := os.ReadFile(t.CARoot)
		if err != nil {
			return out, fmt.Errorf("tls.caRoot: %w", err)
		}
		out.ACME.Roots = string(roots)
	}
	return out, nil
}

// newCertificates reads the certificates of the config at the start, which Run puts in
// force. Without tls there are none; a reload may bring some.
func (d *Daemon) newCertificates() (err error) {
	d.certificates = certificates.New(certificates.Options{Read: config.ReadKeyPair, Log: d.log})
	d.secured.Store(d.plan.config.TLS.On())
	d.first, err = d.readCertificates(&d.plan.config, portOf(d.public.Addr().String()), d.redirect.port())
	if err == nil {
		d.metrics.AddCertificates(d.reportCertificates)
	}
	return err
}

// readCertificates reads the certificates that a config names. The ports are those of
// certificateSettings.
func (d *Daemon) readCertificates(settings *config.Config, tlsPort, httpPort int) (*certificates.Set, error) {
	if !settings.TLS.On() {
		return d.certificates.Prepare(certificates.Settings{})
	}
	from, err := certificateSettings(settings, tlsPort, httpPort)
	if err != nil {
		return nil, ConfigError{err}
	}
	set, err := d.certificates.Prepare(from)
	if err != nil {
		return nil, ConfigError{err}
	}
	return set, nil
}

// startCertificates puts the certificates of the start in force.
func (d *Daemon) startCertificates() {
	d.certificates.Use(d.first)
	d.cleanups.add(func(ctx context.Context) error {
		if err := d.certificates.Close(ctx); err != nil && !errors.Is(err, context.Canceled) { // else nothing is to be waited for
			d.log.Warn("stop obtaining certificates", "error", err)
		}
		return nil
	})
}

// prepareCertificates reads the certificates of a config that may be put in force.
func (d *Daemon) prepareCertificates(p *prepared) (err error) {
	next := &p.plan.config
	if err := d.checkTracing(next); err != nil {
		return err
	}
	tlsPort := portOf(next.Listen)
	if tlsPort == 0 { // the kernel chose it
		tlsPort = portOf(d.public.Addr().String())
	}
	httpPort := portOf(next.TLS.Redirect)
	if next.TLS.Redirect != "" && httpPort == 0 {
		httpPort = d.redirect.port()
	}
	p.certificates, err = d.readCertificates(next, tlsPort, httpPort)
	return err
}

// useCertificates puts the certificates of a reload in force, before the first client that
// speaks TLS connects and after the last one.
func (d *Daemon) useCertificates(before *config.Config, p *prepared) {
	d.certificates.Use(p.certificates)
	d.proxy.Configure(d.plan.proxy)
	on := d.plan.config.TLS.On()
	d.secured.Store(on || d.secured.Load())
	if on != before.TLS.On() {
		d.log.Info("tls turned on or off for new connections; those that are open stay as they are", "tls", on)
	}
}

// reportCertificates returns the certificates as the control plane reports them.
func (d *Daemon) reportCertificates() []server.Certificate {
	reports := d.certificates.Reports()
	out := make([]server.Certificate, len(reports))
	for i, r := range reports {
		out[i] = server.Certificate(r)
	}
	return out
}

// serveRedirect starts to serve a listener for plain HTTP. Nil: there is none.
func (d *Daemon) serveRedirect(r *redirect) {
	if r == nil {
		return
	}
	d.log.Info("redirecting plain HTTP to HTTPS", "redirect", r.listener.Addr().String())
	d.parts.Go(func() { d.fail(r.serve()) }) // stopRedirect or replaceRedirect ends it
}

// replaceRedirect serves next in place of the present listener for plain HTTP, if the
// config has another one.
func (d *Daemon) replaceRedirect(now context.Context, p *prepared) {
	if !p.newRedirect {
		return
	}
	before := d.redirect
	d.redirect = nil
	if p.redirect != nil {
		d.redirect = d.newRedirect(p.redirect)
	}
	d.serveRedirect(d.redirect)
	d.parts.Go(func() { before.stop(now) })
}

// stopRedirect ends the listener for plain HTTP.
func (d *Daemon) stopRedirect(ctx context.Context) error {
	d.redirect.stop(ctx)
	return nil
}

// newRedirect returns what serves a listener for plain HTTP.
func (d *Daemon) newRedirect(l net.Listener) *redirect {
	challenge := func(w http.ResponseWriter, r *http.Request) bool {
		return d.certificates.Challenge(w, r)
	}
	return newRedirect(l, d.log, func() int { return int(d.publicPort.Load()) }, challenge)
}
