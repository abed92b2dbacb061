package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"
	"unicode"
)

// Auth says which clients may use the control listeners. The zero value admits
// all. Every call is checked against the present content of the files. Only the
// health that a load balancer or Kubernetes probes (the health service's Check,
// /healthz and /readyz) is for all clients.
type Auth struct {
	// Token is the token that calls must carry as "authorization: Bearer TOKEN".
	// Nil: none.
	Token *Credential[string]

	// TLS has the certificates that both listeners use. Nil: no TLS.
	TLS *Credential[Certificates]
}

// Certificates are those of the control listeners.
type Certificates struct {
	// Pair is the listeners' own certificate and its key, with its Leaf.
	Pair tls.Certificate

	// ClientCAs sign the certificates that clients must have. Nil: clients need
	// none.
	ClientCAs *x509.CertPool
}

// A denial is why a client is not admitted.
type denial struct {
	text      string // for the client
	challenge string // for WWW-Authenticate; empty if no Authorization would help
}

// The challenges of RFC 6750, 3.
const (
	challenge     = `Bearer realm="dynlb"`
	badToken      = challenge + `, error="invalid_token"`
	badCredential = challenge + `, error="invalid_request"`
)

// admit returns nil for a client that has the required token and certificate.
// authorization are its fields of that name, and state is that of its connection,
// nil without TLS.
func (a Auth) admit(authorization []string, state *tls.ConnectionState) *denial {
	if a.TLS != nil {
		if cas := a.TLS.Value().ClientCAs; cas != nil {
			if d := verifyClient(state, cas); d != nil {
				return d
			}
		}
	}
	if a.Token != nil {
		return verifyToken(authorization, a.Token.Value())
	}
	return nil
}

// verifyToken compares in constant time, so that the time says nothing about how
// much of a token is right.
func verifyToken(authorization []string, want string) *denial {
	switch len(authorization) {
	case 0:
		return &denial{"a token is needed: send authorization: Bearer TOKEN", challenge}
	case 1:
	default:
		return &denial{"send one authorization, not several", badCredential}
	}
	scheme, got, _ := strings.Cut(authorization[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return &denial{"the authorization must be of the form: Bearer TOKEN", badCredential}
	}
	gotSum, wantSum := sha256.Sum256([]byte(strings.TrimSpace(got))), sha256.Sum256([]byte(want))
	if subtle.ConstantTimeCompare(gotSum[:], wantSum[:]) != 1 {
		return &denial{"the token is wrong", badToken}
	}
	return nil
}

// verifyClient checks the certificate of a client again after the handshake: since
// then the certificate may have expired, or its authority may have been removed
// from the list.
func verifyClient(state *tls.ConnectionState, cas *x509.CertPool) *denial {
	if state == nil || len(state.PeerCertificates) == 0 {
		return &denial{text: "a client certificate is needed, signed by an authority in auth.tls.clientCA"}
	}
	options := x509.VerifyOptions{
		Roots:         cas,
		Intermediates: x509.NewCertPool(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, cert := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	if _, err := state.PeerCertificates[0].Verify(options); err != nil {
		return &denial{text: fmt.Sprintf("the client certificate was rejected: %v", err)}
	}
	return nil
}

// tlsConfig returns the TLS configuration of a listener, with protocols for ALPN,
// or nil for no TLS.
func (a Auth) tlsConfig(protocols ...string) *tls.Config {
	if a.TLS == nil {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			now := a.TLS.Value()
			config := &tls.Config{
				MinVersion:   tls.VersionTLS12,
				NextProtos:   protocols,
				Certificates: []tls.Certificate{now.Pair},
				// A resumed session was verified against the certificates of its time.
				SessionTicketsDisabled: true,
			}
			if now.ClientCAs != nil {
				// A client without one may still probe health; admit checks the others.
				config.ClientAuth, config.ClientCAs = tls.VerifyClientCertIfGiven, now.ClientCAs
			}
			return config, nil
		},
	}
}

// certifies reports whether the listeners' certificate is for host.
func (a Auth) certifies(host string) bool {
	if a.TLS == nil {
		return false
	}
	leaf := a.TLS.Value().Pair.Leaf
	return leaf != nil && leaf.VerifyHostname(host) == nil
}

// maxSubject is the maximum length of a certificate's subject in logs and reasons,
// in runes.
const maxSubject = 200

// subjectOf returns the subject of the certificate with which the client passed the
// handshake, or else its first alternative name, on one line. It returns "" for a
// client without a certificate.
func subjectOf(state *tls.ConnectionState) string {
	if state == nil || len(state.VerifiedChains) == 0 {
		return ""
	}
	leaf := state.PeerCertificates[0]
	subject := leaf.Subject.String()
	switch {
	case subject != "":
	case len(leaf.URIs) > 0: // the name in SPIFFE
		subject = leaf.URIs[0].String()
	case len(leaf.DNSNames) > 0:
		subject = leaf.DNSNames[0]
	case len(leaf.EmailAddresses) > 0:
		subject = leaf.EmailAddresses[0]
	default:
		subject = "serial " + leaf.SerialNumber.String()
	}
	return oneLine(subject)
}

// oneLine returns a text of a client as logs and reasons show it.
func oneLine(text string) string {
	runes := []rune(strings.Map(func(c rune) rune {
		if !unicode.IsGraphic(c) {
			return '?'
		}
		return c
	}, text))
	return string(runes[:min(len(runes), maxSubject)])
}
