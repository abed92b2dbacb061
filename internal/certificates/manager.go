package certificates

import (
	"cmp"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options are what a Manager needs.
type Options struct {
	// Read returns the certificate in a file with its private key in another one.
	Read func(cert, key string) (tls.Certificate, error)
	// Log gets what becomes of the certificates.
	Log *slog.Logger
}

// Manager has the certificates in force. Create one with New. All methods are safe for
// concurrent use, apart from Prepare, Use and Close, which have one caller.
type Manager struct {
	options Options
	config  *tls.Config
	set     atomic.Pointer[Set] // in force
	retired sync.WaitGroup      // goroutines that close sources that are not in force any more
	logged  atomic.Int64        // when logMissing has logged last, in nanoseconds since 1970
}

// missingInterval is the minimum time between two lines of logMissing: any client can
// cause them.
const missingInterval = time.Minute

// logMissing logs the name of a client that gets no certificate.
func (m *Manager) logMissing(name string) {
	now, last := time.Now().UnixNano(), m.logged.Load()
	if now-last >= int64(missingInterval) && m.logged.CompareAndSwap(last, now) {
		m.options.Log.Info("no certificate for the name that a client asks for", "name", name)
	}
}

// New returns a Manager without certificates: every handshake fails until Use.
func New(options Options) *Manager {
	m := &Manager{options: options}
	m.set.Store(m.newSet(nil, Settings{}))
	// The keys of session tickets belong to this config: those that GetConfigForClient
	// returns have none of their own, so sessions outlive a reload (crypto/tls,
	// Config.GetConfigForClient). Go replaces them every day.
	m.config = secureConfig()
	m.config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return m.set.Load().config, nil }
	return m
}

// TLS returns the config for connections of clients. It stays the same when the
// certificates change.
func (m *Manager) TLS() *tls.Config { return m.config }

// secureConfig returns a config with the versions and the ciphers that are allowed: of
// TLS 1.2 those with forward secrecy and authenticated encryption (RFC 9325, 4.2).
func secureConfig() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		},
	}
}

// Use puts a set in force, and starts what keeps its certificates. Connections that are
// open keep the previous ones.
func (m *Manager) Use(next *Set) {
	for _, s := range next.sources {
		s.start()
	}
	before := m.set.Swap(next)
	for _, s := range before.sources {
		if slices.Contains(next.sources, s) {
			continue
		}
		m.retired.Go(func() { s.close() }) // Close waits for it
	}
}

// Close ends what keeps the certificates, and waits for it until ctx ends. Handshakes go
// on with the certificates that there are.
func (m *Manager) Close(ctx context.Context) error {
	done := make(chan struct{})
	go func() { // ends when all sources have ended
		defer close(done)
		for _, s := range m.set.Load().sources {
			s.close()
		}
		m.retired.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Challenge answers a request of plain HTTP by which an authority checks that a name
// belongs to this machine. It returns false for any other request, which is not answered
// yet.
func (m *Manager) Challenge(w http.ResponseWriter, r *http.Request) bool {
	for _, s := range m.set.Load().sources {
		if a, ok := s.(interface {
			challenge(http.ResponseWriter, *http.Request) bool
		}); ok && a.challenge(w, r) {
			return true
		}
	}
	return false
}

// Report tells of a certificate, or of a name that has none yet.
type Report struct {
	// Name is the first name that it is for.
	Name string
	// Source is where it comes from: "file", "acme" or "internal".
	Source string
	// Expiry is when it expires; zero if there is none.
	Expiry time.Time
	// Error tells what is wrong and how to mend it; "" if nothing is.
	Error string
}

// Reports tells of the certificates in force, ordered by name.
func (m *Manager) Reports() []Report {
	var all []Report
	for _, s := range m.set.Load().sources {
		all = append(all, s.reports()...)
	}
	slices.SortStableFunc(all, func(a, b Report) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Source, b.Source))
	})
	return all
}
