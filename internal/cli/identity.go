package cli

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/dynlb/dynlb/internal/config"
)

// identity are the flags by which a command authenticates itself and the listener.
// Each is empty unless given.
type identity struct {
	tokenFile  string
	ca         string
	cert, key  string
	serverName string
}

// register adds the flags to cmd.
func (id *identity) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&id.tokenFile, "token-file", "", "file of the token to send (default: auth.tokenFile of the config, unless --admin is given)")
	flags.StringVar(&id.ca, "tls-ca", "", "file of the authorities to trust (default: auth.tls.cert of the config, or those of the system)")
	flags.StringVar(&id.cert, "tls-cert", "", "file of the client certificate")
	flags.StringVar(&id.key, "tls-key", "", "file of the private key of --tls-cert")
	flags.StringVar(&id.serverName, "tls-server-name", "", "name that the listener's certificate must have (default: the host in its address)")
	for _, name := range []string{"token-file", "tls-ca", "tls-cert", "tls-key"} {
		_ = cmd.MarkFlagFilename(name) // the flag exists
	}
}

// dialOptions returns the options to connect to host. auth are the keys of the
// config that names the host, nil if a flag names it.
func (id *identity) dialOptions(host string, auth *config.Auth) ([]grpc.DialOption, error) {
	if auth == nil {
		auth = &config.Auth{}
	}
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if id.speaksTLS(host, auth.TLS) {
		tlsConfig, err := id.tlsConfig(host, auth.TLS)
		if err != nil {
			return nil, err
		}
		options = []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(tlsConfig))}
	}
	token, err := id.token(auth.TokenFile)
	if err != nil {
		return nil, err
	}
	if token != "" {
		options = append(options, grpc.WithPerRPCCredentials(bearer(token)))
	}
	return options, nil
}

// speaksTLS reports whether to use TLS for host. Off loopback it always does: every
// dynlb requires TLS there, and a token is never sent in the clear. On loopback it
// does if a TLS flag is given or the config has a certificate.
func (id *identity) speaksTLS(host string, files config.TLS) bool {
	return id.ca+id.cert+id.key+id.serverName != "" || files.Cert != "" || !config.IsLoopback(host)
}

// token returns the token of the flag, or else that of the config. Empty: none.
func (id *identity) token(fromConfig string) (string, error) {
	file := cmp.Or(id.tokenFile, fromConfig)
	if file == "" {
		return "", nil
	}
	token, err := config.ReadToken(file)
	switch {
	case err == nil:
		return token, nil
	case id.tokenFile != "":
		return "", usageError{fmt.Errorf("--token-file: %w", err)}
	default:
		return "", usageError{fmt.Errorf("auth.tokenFile: %w\n(or give --token-file, or name the control listener with --admin)", err)}
	}
}

// tlsConfig returns the TLS settings for host. files are those of the config that
// names the host, empty if a flag names it.
func (id *identity) tlsConfig(host string, files config.TLS) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if err := id.trust(out, files, host); err != nil {
		return nil, err
	}
	if id.serverName != "" {
		out.ServerName = id.serverName
	}
	var err error
	if id.ca != "" {
		if out.RootCAs, err = config.ReadCAs(id.ca); err != nil {
			return nil, usageError{fmt.Errorf("--tls-ca: %w", err)}
		}
	}
	switch {
	case (id.cert == "") != (id.key == ""):
		return nil, usageError{errors.New("--tls-cert and --tls-key belong together; give both")}
	case id.cert != "":
		pair, err := config.ReadKeyPair(id.cert, id.key)
		if err != nil {
			return nil, usageError{fmt.Errorf("--tls-cert, --tls-key: %w", err)}
		}
		out.Certificates = []tls.Certificate{pair}
	}
	return out, nil
}

// trust makes out accept the certificate that the config names, whatever its name
// and its issuer. If it cannot be read, --tls-ca must be given.
func (id *identity) trust(out *tls.Config, files config.TLS, host string) error {
	if files.Cert == "" {
		return nil
	}
	cert, err := config.ReadCertificate(files.Cert)
	switch {
	case err != nil && id.ca != "":
		return nil
	case err != nil:
		return usageError{fmt.Errorf("auth.tls.cert: %w\n(or give --tls-ca, or name the control listener with --admin)", err)}
	}
	out.RootCAs = x509.NewCertPool()
	out.RootCAs.AddCert(cert)
	out.ServerName = nameIn(cert, host)
	// The server may also accept it from a client: the client can read its key.
	if pair, err := config.ReadKeyPair(files.Cert, files.Key); err == nil {
		out.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// nameIn returns a name of cert: host if it is one of them, the first one if not.
func nameIn(cert *x509.Certificate, host string) string {
	switch {
	case cert.VerifyHostname(host) == nil:
		return host
	case len(cert.DNSNames) > 0:
		return strings.Replace(cert.DNSNames[0], "*", "dynlb", 1) // any name matches the wildcard
	case len(cert.IPAddresses) > 0:
		return cert.IPAddresses[0].String()
	default:
		return host
	}
}

// bearer is a token that is sent with every call. The connection has TLS or does not
// leave the machine: speaksTLS ensures it.
type bearer string

// GetRequestMetadata returns the token's header.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity returns false: on loopback there may be no TLS.
func (b bearer) RequireTransportSecurity() bool { return false }
