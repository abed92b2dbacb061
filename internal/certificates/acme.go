package certificates

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

const (
	// checkInterval is the time between two checks that the storage still has a usable
	// certificate for a name. certmagic looks for certificates to renew as often.
	checkInterval = 10 * time.Minute
	// attemptTimeout is how long one attempt to obtain a certificate may take. An authority
	// validates a name within seconds, and certmagic allows 90 s for it.
	attemptTimeout = 5 * time.Minute
	// maxAttempts bounds the attempts under way. Authorities limit orders; certmagic sends
	// 10 in 10 s.
	maxAttempts = 5
)

// forgotten is the error of certmagic when the authority does not know the account: it has
// made another one, and used it for nothing (findings/certmagic-forgotten-account.sh).
const forgotten = "no certificate chains"

// ACME names what is needed to obtain certificates (RFC 8555). Without Domains there are
// none.
type ACME struct {
	// Domains are host names in small letters.
	Domains []string
	// Email is the contact of the account; "": none.
	Email string
	// Directory is the URL of the authority; "": Let's Encrypt.
	Directory string
	// Roots are the authorities, in PEM form, that the server at Directory is trusted by;
	// "": those of the system.
	Roots string
	// Storage is the folder of keys, certificates and accounts.
	Storage string
	// Host is where the listeners are, "" for all addresses. HTTPPort and TLSPort are the
	// ports at which challenges are answered; 0: there is no such listener.
	Host              string
	HTTPPort, TLSPort int
}

// acme obtains certificates for names, and renews them.
type acme struct {
	settings ACME
	roots    *x509.CertPool
	log      *slog.Logger
	retry    func(failures int, err error) time.Duration

	starting, closing sync.Once

	// Set by start:

	storage  *lockedStorage
	issuer   *certmagic.ACMEIssuer
	cache    *certmagic.Cache
	config   *certmagic.Config
	single   *certmagic.Config // each call of it is one attempt
	attempts chan struct{}     // holds one value per attempt under way
	cancel   context.CancelFunc
	running  sync.WaitGroup
	domains  map[string]*domain // never changed
}

// newACME returns the source, which does nothing before start.
func newACME(settings ACME, log *slog.Logger) (*acme, error) {
	a := &acme{settings: settings, log: log, retry: retryAfter, domains: map[string]*domain{}}
	a.settings.Directory = cmp.Or(settings.Directory, certmagic.LetsEncryptProductionCA)
	if settings.Roots != "" {
		a.roots = x509.NewCertPool()
		if !a.roots.AppendCertsFromPEM([]byte(settings.Roots)) {
			return nil, errors.New("tls.caRoot has no certificate")
		}
	}
	a.storage = newStorage(settings.Storage)
	if err := a.storage.check(); err != nil {
		return nil, err
	}
	for _, name := range settings.Domains {
		a.domains[name] = &domain{name: name, log: log}
	}
	return a, nil
}

// start reads the certificates that the storage has, and starts to obtain the others.
func (a *acme) start() {
	a.starting.Do(func() {
		a.build()
		for _, name := range a.settings.Domains {
			if err := a.load(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				a.log.Debug("certificate not loaded", "certificate", name, "error", err) // keep reports it
			}
		}
		ctx, cancel := context.WithCancel(context.Background())
		a.cancel = cancel
		for _, d := range a.domains {
			a.running.Go(func() { a.keep(ctx, d) }) // close ends it
		}
	})
}

// load reads the certificate of a name from the storage. It does not use the network: the
// staple of OCSP is fetched later.
func (a *acme) load(name string) error {
	if err := repair(a.storage, a.issuer.IssuerKey(), name, a.log); err != nil {
		return err
	}
	local := *a.config
	local.OCSP.DisableStapling = true
	_, err := local.CacheManagedCertificate(context.Background(), name)
	return err
}

// keep obtains the certificate of a name, and tries again until it has it. Then it checks
// that it is still in the storage, from which certmagic renews it.
func (a *acme) keep(ctx context.Context, d *domain) {
	for failures, begun := 0, false; ; {
		err := a.ensure(ctx, d.name)
		if ctx.Err() != nil {
			return
		}
		wait := checkInterval
		if err == nil {
			failures = 0
			d.succeeded()
			if !begun && a.isDue(d.name) { // certmagic would look for it after checkInterval
				_ = a.cache.RenewManagedCertificates(ctx) // event reports what fails
			}
			begun = true
		} else {
			wait = a.retry(failures, err)
			failures++
			d.failed(explain(err, d.name, &a.settings), wait, a.expiry(d.name))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// ensure makes sure that there is a certificate of a name, in memory and in the storage.
func (a *acme) ensure(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	if err := a.load(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	select {
	case a.attempts <- struct{}{}:
		defer func() { <-a.attempts }()
	case <-ctx.Done():
		return ctx.Err()
	}
	err := a.single.ObtainCertSync(ctx, name)
	if err != nil && strings.Contains(err.Error(), forgotten) {
		err = a.single.ObtainCertSync(ctx, name)
	}
	if err != nil {
		return err
	}
	c, err := a.config.CacheManagedCertificate(ctx, name)
	if err != nil {
		return fmt.Errorf("load certificate: %w", err)
	}
	a.log.Info("certificate obtained", "certificate", name, "expiry", c.Leaf.NotAfter)
	return nil
}

// event reports what certmagic does about renewals.
func (a *acme) event(_ context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	d := a.domains[name]
	if renewal, _ := data["renewal"].(bool); d == nil || !renewal {
		return nil
	}
	switch event {
	case "cert_obtained":
		a.log.Info("certificate renewed", "certificate", name)
		d.renewed()
	case "cert_failed":
		err, _ := data["error"].(error)
		d.notRenewed(explain(err, name, &a.settings), a.expiry(name))
	}
	return nil
}

// isDue reports whether the certificate of a name has to be renewed.
func (a *acme) isDue(name string) bool {
	c := newest(a.cache.AllMatchingCertificates(name))
	return c != nil && c.NeedsRenewal(a.config)
}

// expiry returns when the certificate of a name expires; zero if there is none.
func (a *acme) expiry(name string) time.Time {
	if c := newest(a.cache.AllMatchingCertificates(name)); c != nil {
		return c.Leaf.NotAfter
	}
	return time.Time{}
}

// newest returns the certificate that expires last, nil if there is none.
func newest(list []certmagic.Certificate) *certmagic.Certificate {
	if len(list) == 0 {
		return nil
	}
	c := slices.MaxFunc(list, func(a, b certmagic.Certificate) int { return a.Leaf.NotAfter.Compare(b.Leaf.NotAfter) })
	return &c
}

func (a *acme) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	name := serverName(hello)
	if a.domains[name] == nil {
		return nil, nil
	}
	if slices.Equal(hello.SupportedProtos, []string{protocolACME}) { // RFC 8737, 3: no client but the authority
		return a.config.GetCertificate(hello)
	}
	if c := newest(a.cache.AllMatchingCertificates(name)); c != nil {
		return &c.Certificate, nil
	}
	return nil, nil
}

// standard returns the certificate of the first domain for clients that name no host.
func (a *acme) standard(hello *tls.ClientHelloInfo) *tls.Certificate {
	if hello.ServerName != "" {
		return nil
	}
	if c := newest(a.cache.AllMatchingCertificates(a.settings.Domains[0])); c != nil {
		return &c.Certificate
	}
	return nil
}

// challenge answers a request of HTTP-01 (RFC 8555, 8.3).
func (a *acme) challenge(w http.ResponseWriter, r *http.Request) bool {
	return a.issuer.HandleHTTPChallenge(w, r)
}

func (a *acme) reports() []Report {
	out := make([]Report, 0, len(a.domains))
	for name, d := range a.domains {
		out = append(out, Report{Name: name, Source: "acme", Expiry: a.expiry(name), Error: d.trouble()})
	}
	return out
}

func (a *acme) close() {
	a.closing.Do(func() {
		if a.cancel == nil {
			return
		}
		a.cancel()
		a.running.Wait()
		a.cache.Stop()
	})
}
