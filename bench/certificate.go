package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// certificate is what all peers of a run over TLS have: files in PEM form.
type certificate struct {
	cert, key string
	both      string // for HAProxy
}

// newCertificate writes a certificate for 127.0.0.1 that signs itself, with a key on the
// curve P-256, as most sites have it.
func newCertificate(s *site) (*certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "bench"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write a key: %w", err)
	}
	certPEM := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	keyPEM := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	c := &certificate{}
	for _, f := range []struct {
		path       *string
		name, text string
	}{{&c.cert, "cert.pem", certPEM}, {&c.key, "key.pem", keyPEM}, {&c.both, "both.pem", certPEM + keyPEM}} {
		if *f.path, err = s.write(f.name, f.text); err != nil {
			return nil, err
		}
	}
	return c, nil
}
