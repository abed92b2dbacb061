package daemon

import (
	"log/slog"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/server"
)

// serverAuth returns what the control listeners require: the content of the files
// that auth names. The server follows later changes of these files.
func serverAuth(auth config.Auth, log *slog.Logger) (server.Auth, error) {
	var out server.Auth
	var err error
	if file := auth.TokenFile; file != "" {
		out.Token, err = server.NewCredential("auth.tokenFile", log, func() (string, error) {
			return config.ReadToken(file)
		}, file)
		if err != nil {
			return server.Auth{}, err
		}
	}
	if auth.TLS.Cert == "" {
		return out, nil
	}
	files := []string{auth.TLS.Cert, auth.TLS.Key}
	if auth.TLS.ClientCA != "" {
		files = append(files, auth.TLS.ClientCA)
	}
	out.TLS, err = server.NewCredential("auth.tls", log, func() (server.Certificates, error) {
		return readCertificates(auth.TLS)
	}, files...)
	if err != nil {
		return server.Auth{}, err
	}
	return out, nil
}

// readCertificates reads the certificate with its key, and the authorities that
// sign client certificates if there are any.
func readCertificates(files config.TLS) (server.Certificates, error) {
	pair, err := config.ReadKeyPair(files.Cert, files.Key)
	if err != nil {
		return server.Certificates{}, err
	}
	out := server.Certificates{Pair: pair}
	if files.ClientCA != "" {
		out.ClientCAs, err = config.ReadCAs(files.ClientCA)
	}
	return out, err
}
