package proxytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"sync"
	"time"
)

// ServerTLS returns a config for a proxy under test, with a certificate for 127.0.0.1 and
// localhost. It offers the given protocols by ALPN.
func ServerTLS(protocols ...string) *tls.Config {
	return &tls.Config{
		Certificates: []tls.Certificate{*certificate()},
		MinVersion:   tls.VersionTLS12,
		NextProtos:   protocols,
	}
}

// ClientTLS returns a config for a client of such a proxy. It offers the given protocols
// by ALPN.
func ClientTLS(protocols ...string) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(certificate().Leaf)
	return &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: protocols, MinVersion: tls.VersionTLS12}
}

// certificate is one that signs itself, of the kind that most sites have.
var certificate = sync.OnceValue(func() *tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dynlb test"},
		NotBefore: time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC), // the time in synctest begins in 2000
		NotAfter:  time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC),
		DNSNames:  []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})
