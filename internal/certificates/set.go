package certificates

import (
	"crypto/tls"
	"fmt"
	"reflect"
	"strings"
)

// The protocols of ALPN.
const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
	protocolACME  = "acme-tls/1" // RFC 8737, 3
)

// Settings say where the certificates come from.
type Settings struct {
	// Files are certificates in files. The first one is for clients that name no host,
	// and for hosts that no certificate is for.
	Files []File
	// Internal names the authority of this machine.
	Internal Internal
	// ACME obtains certificates from a public authority.
	ACME ACME
	// HTTP2 tells that HTTP/2 is offered.
	HTTP2 bool
}

// source is one origin of certificates.
type source interface {
	// certificate returns the certificate for a client, nil when it has none. It does not
	// wait.
	certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error)
	// standard returns the certificate for a client that no certificate is for; nil: the
	// handshake fails.
	standard(hello *tls.ClientHelloInfo) *tls.Certificate
	// reports tells of its certificates.
	reports() []Report
	// start starts its goroutines, unless it has been started.
	start()
	// close ends its goroutines and waits for them.
	close()
}

// Set has the certificates of one configuration. It does not change, its sources do.
type Set struct {
	settings Settings
	sources  []source // asked in this order
	config   *tls.Config
	missing  func(name string) // is called when there is no certificate for a name
}

func (m *Manager) newSet(sources []source, settings Settings) *Set {
	s := &Set{settings: settings, sources: sources, config: secureConfig(), missing: m.logMissing}
	if settings.HTTP2 {
		s.config.NextProtos = append(s.config.NextProtos, protocolHTTP2)
	}
	s.config.NextProtos = append(s.config.NextProtos, protocolHTTP1)
	if len(settings.ACME.Domains) > 0 {
		s.config.NextProtos = append(s.config.NextProtos, protocolACME)
	}
	s.config.GetCertificate = s.certificate
	return s
}

// Prepare returns a set, which is not in force yet. It reads the files, and makes the
// folder that the settings name. Sources that do not change are those in force.
func (m *Manager) Prepare(settings Settings) (*Set, error) {
	before := m.set.Load()
	var sources []source
	if len(settings.ACME.Domains) > 0 {
		s, ok := sourceOf[*acme](before)
		if !ok || !reflect.DeepEqual(before.settings.ACME, settings.ACME) {
			var err error
			if s, err = newACME(settings.ACME, m.options.Log); err != nil {
				return nil, fmt.Errorf("tls.domains: %w", err)
			}
		}
		sources = append(sources, s)
	}
	if len(settings.Files) > 0 {
		s, err := newFiles(settings.Files, m.options)
		if err != nil {
			return nil, err
		}
		sources = append(sources, s)
	}
	if settings.Internal.Storage != "" {
		s, ok := sourceOf[*authority](before)
		if !ok || before.settings.Internal != settings.Internal {
			var err error
			if s, err = newAuthority(settings.Internal, m.options.Log); err != nil {
				return nil, fmt.Errorf("tls.internal: %w", err)
			}
		}
		sources = append(sources, s)
	}
	return m.newSet(sources, settings), nil
}

// sourceOf returns the source of a kind that a set has.
func sourceOf[S source](set *Set) (S, bool) {
	for _, s := range set.sources {
		if found, ok := s.(S); ok {
			return found, true
		}
	}
	var none S
	return none, false
}

// certificate returns the certificate for a client. With nil the handshake fails, and the
// client gets the alert unrecognized_name (RFC 6066, 3).
func (s *Set) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	for _, source := range s.sources {
		if c, err := source.certificate(hello); c != nil || err != nil {
			return c, err
		}
	}
	for _, source := range s.sources {
		if c := source.standard(hello); c != nil {
			return c, nil
		}
	}
	s.missing(serverName(hello))
	return nil, nil
}

// serverName returns the name that a client asks for, as certificates have it.
func serverName(hello *tls.ClientHelloInfo) string {
	return strings.ToLower(strings.TrimSuffix(hello.ServerName, "."))
}
