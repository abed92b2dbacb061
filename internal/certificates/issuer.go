package certificates

import (
	"context"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// build makes the parts of certmagic.
func (a *acme) build() {
	settings, log := &a.settings, zap.New(newZapCore(a.log))
	a.attempts = make(chan struct{}, maxAttempts)
	a.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return a.config, nil },
		RenewCheckInterval: checkInterval,
		Logger:             log,
	})
	config := certmagic.Config{Storage: a.storage, Logger: log, OnEvent: a.event}
	a.config = certmagic.New(a.cache, config)
	a.issuer = certmagic.NewACMEIssuer(a.config, certmagic.ACMEIssuer{
		CA: settings.Directory, Email: settings.Email, Agreed: true, TrustedRoots: a.roots, Logger: log,
		ListenHost: settings.Host, AltHTTPPort: settings.HTTPPort, AltTLSALPNPort: settings.TLSPort,
		DisableHTTPChallenge: settings.HTTPPort == 0, DisableTLSALPNChallenge: settings.TLSPort == 0,
	})
	a.config.Issuers = []certmagic.Issuer{a.issuer}
	a.single = certmagic.New(a.cache, config)
	a.single.Issuers = []certmagic.Issuer{quiet{a.issuer}}
}

// quiet is an issuer that never asks the terminal for an address. The calls of certmagic
// that make one attempt only are meant for a person, and would ask.
type quiet struct{ *certmagic.ACMEIssuer }

// PreCheck implements certmagic.PreChecker.
func (q quiet) PreCheck(ctx context.Context, names []string, _ bool) error {
	return q.ACMEIssuer.PreCheck(ctx, names, false)
}
