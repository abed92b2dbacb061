package daemontest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/config"
)

// dial returns a connection to a control listener that asks for what auth has.
func dial(t testing.TB, address string, auth config.Auth, certificates []tls.Certificate) *grpc.ClientConn {
	t.Helper()
	transport := insecure.NewCredentials()
	if auth.TLS.Cert != "" {
		cert, err := config.ReadCertificate(auth.TLS.Cert)
		if err != nil {
			t.Fatal(err)
		}
		if len(certificates) == 0 { // as the command line does: an authority of clientCA may have signed it
			pair, err := config.ReadKeyPair(auth.TLS.Cert, auth.TLS.Key)
			if err != nil {
				t.Fatal(err)
			}
			certificates = []tls.Certificate{pair}
		}
		trusted := x509.NewCertPool()
		trusted.AddCert(cert)
		transport = credentials.NewTLS(&tls.Config{RootCAs: trusted, ServerName: ServerName, Certificates: certificates})
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(transport)}
	if auth.TokenFile != "" {
		token, err := config.ReadToken(auth.TokenFile)
		if err != nil {
			t.Fatal(err)
		}
		options = append(options, grpc.WithPerRPCCredentials(bearer(token)))
	}
	conn, err := grpc.NewClient("passthrough:///"+address, options...)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// Dial returns a client of the control listener at an address, until the test ends.
func Dial(t testing.TB, address string) dynlbv1.ControlClient {
	t.Helper()
	conn := dial(t, address, config.Auth{}, nil)
	t.Cleanup(func() { _ = conn.Close() })
	return dynlbv1.NewControlClient(conn)
}

// bearer is a token that is sent with every call.
type bearer string

// GetRequestMetadata returns the token's header.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity returns false: the listeners are on loopback.
func (b bearer) RequireTransportSecurity() bool { return false }
