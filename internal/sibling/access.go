package sibling

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// Access is how the siblings are reached: as this dynlb itself is, since they have the same
// config.
type Access struct {
	// Key differs for accesses that differ.
	Key string
	// Token returns the token of the admin listener. Nil: it takes none.
	Token func() string
	// Pair returns the certificate of the admin listener, and the authorities of its
	// clients, or nil. A sibling must have the same certificate, or one of such an authority.
	// Nil: it speaks no TLS.
	Pair func() (tls.Certificate, *x509.CertPool)
}

// dialTimeout bounds the attempt to connect to a sibling.
const dialTimeout = time.Second

// dial returns a connection that is made when it is needed.
func (a *Access) dial(address string) (*grpc.ClientConn, error) {
	secure := insecure.NewCredentials()
	if a.Pair != nil {
		secure = credentials.NewTLS(a.tlsConfig())
	}
	options := []grpc.DialOption{
		grpc.WithTransportCredentials(secure), grpc.WithNoProxy(), grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: firstRetry, Multiplier: 2, Jitter: 0.2, MaxDelay: lastRetry},
			MinConnectTimeout: dialTimeout,
		}),
	}
	if a.Token != nil {
		options = append(options, grpc.WithPerRPCCredentials(token(a.Token)))
	}
	return grpc.NewClient("passthrough:///"+address, options...)
}

// token sends the token with each call. Without TLS it is as readable as on the admin listener
// itself.
type token func() string

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (t token) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + t()}, nil
}

// RequireTransportSecurity implements credentials.PerRPCCredentials.
func (token) RequireTransportSecurity() bool { return false }

// tlsConfig returns what is spoken with a sibling. It has an address, and no name that a
// certificate could have: what counts is which certificate it has.
func (a *Access) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it, without a name
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			pair, _ := a.Pair()
			return &pair, nil
		},
		VerifyConnection: func(state tls.ConnectionState) error {
			pair, authorities := a.Pair()
			return verify(state.PeerCertificates, &pair, authorities)
		},
	}
}

// verify checks the certificate of a sibling.
func verify(chain []*x509.Certificate, own *tls.Certificate, authorities *x509.CertPool) error {
	if len(chain) == 0 {
		return errors.New("verify sibling: it has no certificate")
	}
	if own.Leaf != nil && chain[0].Equal(own.Leaf) {
		return nil
	}
	if authorities == nil {
		return errors.New("verify sibling: it has another certificate, and there is no auth.tls.clientCA to verify it")
	}
	options := x509.VerifyOptions{Roots: authorities, Intermediates: x509.NewCertPool(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}
	for _, cert := range chain[1:] {
		options.Intermediates.AddCert(cert)
	}
	if _, err := chain[0].Verify(options); err != nil {
		return fmt.Errorf("verify sibling: %w", err)
	}
	return nil
}
