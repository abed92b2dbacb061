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

// identity is how a command proves who it is, and knows whom it talks to: the
// values of its flags, each empty unless given.
type identity struct {
	tokenFile  string
	ca         string
	cert, key  string
	serverName string
}

// register gives cmd the flags.
func (id *identity) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&id.tokenFile, "token-file", "", "file of the token to send (default: auth.tokenFile of the config, unless --admin is given)")
	flags.StringVar(&id.ca, "tls-ca", "", "file of the authorities to trust (default: auth.tls.cert of the config, or else the system's)")
	flags.StringVar(&id.cert, "tls-cert", "", "file of the certificate to show")
	flags.StringVar(&id.key, "tls-key", "", "file of the private key of --tls-cert")
	flags.StringVar(&id.serverName, "tls-server-name", "", "name to expect in the listener's certificate (default: the host in its address)")
	for _, name := range []string{"token-file", "tls-ca", "tls-cert", "tls-key"} {
		_ = cmd.MarkFlagFilename(name) // the flag exists
	}
}

// dialOptions returns how to connect to host, which auth is about if it is not
// nil.
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

// speaksTLS reports whether to connect to host, whose listener has the given
// files, by TLS: off loopback always, as every dynlb does there, so that a token
// is never sent in the clear; on loopback if a flag or the config has to do with
// TLS.
func (id *identity) speaksTLS(host string, files config.TLS) bool {
	return id.ca+id.cert+id.key+id.serverName != "" || files.Cert != "" || !config.IsLoopback(host)
}

// token returns the token of the flag, or else of the config; empty for none.
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

// tlsConfig returns how to speak TLS with host, whose listener has the given
// files if the config names it.
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

// trust has out trust the very certificate of the config, if it names one, whoever
// signed it and whatever its name; without it, another flag has to say whom.
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
	// The server may trust it as a client's too, for whoever may read its key.
	if pair, err := config.ReadKeyPair(files.Cert, files.Key); err == nil {
		out.Certificates = []tls.Certificate{pair}
	}
	return nil
}

// nameIn returns a name that cert is for: host if that is one, or else its first.
func nameIn(cert *x509.Certificate, host string) string {
	switch {
	case cert.VerifyHostname(host) == nil:
		return host
	case len(cert.DNSNames) > 0:
		return strings.Replace(cert.DNSNames[0], "*", "dynlb", 1) // any name will do for a wildcard
	case len(cert.IPAddresses) > 0:
		return cert.IPAddresses[0].String()
	default:
		return host
	}
}

// bearer is a token, sent with every call: on a connection that TLS protects, or
// that does not leave the machine.
type bearer string

// GetRequestMetadata returns the token's header.
func (b bearer) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + string(b)}, nil
}

// RequireTransportSecurity returns false: speaksTLS sees to it.
func (b bearer) RequireTransportSecurity() bool { return false }
