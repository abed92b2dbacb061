package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"sync/atomic"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct{ tls.Certificate }

// authorities counts the authorities, which need different names: a client chooses
// its certificate by the name of the authority.
var authorities atomic.Int32

func newAuthority(t *testing.T) authority {
	t.Helper()
	return authority{sign(t, nil, &x509.Certificate{
		Subject: pkix.Name{CommonName: fmt.Sprint("authority ", authorities.Add(1))},
		IsCA:    true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	})}
}

// pool returns a pool of this authority alone.
func (a authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.Leaf)
	return pool
}

// server returns a certificate for 127.0.0.1 and lb.example.
func (a authority) server(t *testing.T) tls.Certificate {
	t.Helper()
	return sign(t, &a, &x509.Certificate{
		Subject:     pkix.Name{CommonName: "server"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"lb.example"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
}

// client returns the certificate of a client.
func (a authority) client(t *testing.T, name string) tls.Certificate {
	t.Helper()
	return sign(t, &a, &x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: []string{"Example"}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
}

// sign completes the template and signs it; a nil authority makes it self-signed.
func sign(t *testing.T, by *authority, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, parentKey := template, any(key)
	if by != nil {
		parent, parentKey = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// held returns a Credential with the given value, which exchange replaces.
func held[T any](t *testing.T, value *T) *Credential[T] {
	t.Helper()
	c, err := NewCredential("test", slog.New(slog.DiscardHandler), func() (T, error) { return *value, nil })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// exchange replaces the value of c.
func exchange[T any](c *Credential[T], value T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value = value
}
