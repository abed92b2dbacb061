package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/dynlb/dynlb/internal/htpasswd"
)

// The bounds of a token's length. 16 characters cannot be guessed over the network;
// a token of 1024 fits into the 16 KiB that the control plane accepts as a header.
const (
	minToken = 16
	maxToken = 1024
)

// allUsers are the bits of a file's mode that let users other than the owner and
// the group read or write it.
const allUsers = 0o006

// ReadToken returns the token in the file at path, without the space around it: 16
// to 1024 visible ASCII characters. A file that all users may read or write is
// refused. The error begins with the path and never contains the content.
func ReadToken(path string) (string, error) {
	data, err := readCredential(path, true)
	if err != nil {
		return "", err
	}
	token := strings.TrimSpace(string(data))
	invisible := strings.ContainsFunc(token, func(c rune) bool { return c <= ' ' || c > '~' })
	if len(token) < minToken || len(token) > maxToken || invisible {
		return "", fmt.Errorf("%s must hold one token of %d to %d ASCII characters without spaces, such as the output of `openssl rand -hex 32`",
			displayPath(path), minToken, maxToken)
	}
	return token, nil
}

// checkUsers returns an error for a file that basicAuth cannot use.
func checkUsers(path string) error {
	data, err := readCredential(path, true)
	if err != nil {
		return err
	}
	if _, err := htpasswd.Parse(data); err != nil {
		return fmt.Errorf("%s: %w", displayPath(path), err)
	}
	return nil
}

// ReadKeyPair returns the certificate in one file with its private key in
// another, both in PEM form. A key that all users may read or write is refused.
// The error begins with a path.
func ReadKeyPair(certPath, keyPath string) (tls.Certificate, error) {
	cert, err := readCredential(certPath, false)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := readCredential(keyPath, true)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("%s and %s are not a certificate and its private key: %w", displayPath(certPath), displayPath(keyPath), err)
	}
	return pair, nil
}

// ReadCertificate returns the first certificate in a file in PEM form. The error
// begins with the path.
func ReadCertificate(path string) (*x509.Certificate, error) {
	certs, err := readCertificates(path)
	if err != nil {
		return nil, err
	}
	return certs[0], nil
}

// ReadCAs returns the certificates in a file in PEM form, at least one. The
// error begins with the path.
func ReadCAs(path string) (*x509.CertPool, error) {
	certs, err := readCertificates(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return pool, nil
}

// readCertificates returns the certificates in a file, at least one.
func readCertificates(path string) ([]*x509.Certificate, error) {
	data, err := readCredential(path, false)
	if err != nil {
		return nil, err
	}
	var certs []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s contains an invalid certificate: %w", displayPath(path), err)
		}
		certs = append(certs, cert)
	}
	if len(certs) == 0 {
		return nil, fmt.Errorf("%s must hold certificates in PEM form (-----BEGIN CERTIFICATE-----)", displayPath(path))
	}
	return certs, nil
}

// readCredential returns the content of a regular file: to read another kind may take
// without end. A private file must not be accessible to all users.
func readCredential(path string, private bool) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0) // a pipe without a writer would block
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", displayPath(path), cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", displayPath(path), cause(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", displayPath(path))
	}
	if mode := info.Mode(); private && mode.Perm()&allUsers != 0 {
		return nil, fmt.Errorf("%s is accessible to all users (mode %04o); run chmod 600 on it", displayPath(path), mode.Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", displayPath(path), cause(err))
	}
	if len(data) > maxSize {
		return nil, fmt.Errorf("%s must not be larger than 1 MiB", displayPath(path))
	}
	return data, nil
}
