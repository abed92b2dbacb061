package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const testToken = "0123456789abcdef0123456789abcdef"

// keys is a folder of credentials: token, ca.pem, server.pem and client.pem with
// their keys in server.key and client.key, and the same for "other" ones.
type keys struct{ dir string }

func newKeys(t *testing.T) keys {
	t.Helper()
	k := keys{t.TempDir()}
	k.write(t, "token", testToken+"\n")
	k.write(t, "other-token", strings.ToUpper(testToken))
	for _, prefix := range []string{"", "other-"} {
		ca, caKey := k.issue(t, prefix+"ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
		k.issue(t, prefix+"server", &x509.Certificate{DNSNames: []string{"lb.example"}}, ca, caKey)
		k.issue(t, prefix+"client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca, caKey)
	}
	return k
}

func (k keys) path(name string) string { return filepath.Join(k.dir, name) }

// write exchanges a file as a whole.
func (k keys) write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(k.path(name+"~"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(k.path(name+"~"), k.path(name)); err != nil {
		t.Fatal(err)
	}
}

// issue writes a certificate and its key. Without a parent it signs itself.
func (k keys) issue(t *testing.T, name string, template, parent *x509.Certificate, parentKey any) (*x509.Certificate, any) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.Subject = big.NewInt(time.Now().UnixNano()), pkix.Name{CommonName: name}
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	k.write(t, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	k.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return template, key
}

// yaml returns the auth of a config, of the given keys and the files they name.
func (k keys) yaml(keys ...string) string {
	files := map[string]string{"cert": "server.pem", "key": "server.key", "clientCA": "ca.pem"}
	out := "\nauth:\n"
	if slices.Contains(keys, "tokenFile") {
		out += "  tokenFile: " + k.path("token") + "\n"
	}
	out += "  tls:\n"
	for _, key := range []string{"cert", "key", "clientCA"} {
		if slices.Contains(keys, key) {
			out += "    " + key + ": " + k.path(files[key]) + "\n"
		}
	}
	return out
}
