package daemontest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Token is the content of the file token.
const Token = "0123456789abcdef0123456789abcdef"

// ServerName is the name in the servers' certificates.
const ServerName = "lb.example"

// Keys is a folder of credentials: token, ca.pem, server.pem and client.pem with
// their keys in server.key and client.key, and the same for "other" ones.
type Keys struct{ Dir string }

// NewKeys returns new credentials.
func NewKeys(t testing.TB) Keys {
	t.Helper()
	k := Keys{t.TempDir()}
	k.Write(t, "token", Token+"\n")
	k.Write(t, "other-token", strings.ToUpper(Token))
	for _, prefix := range []string{"", "other-"} {
		ca, caKey := k.issue(t, prefix+"ca", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
		k.issue(t, prefix+"server", &x509.Certificate{DNSNames: []string{ServerName}}, ca, caKey)
		k.issue(t, prefix+"client", &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}, ca, caKey)
	}
	return k
}

// Path returns the path of a file.
func (k Keys) Path(name string) string { return filepath.Join(k.Dir, name) }

// Write replaces a file atomically.
func (k Keys) Write(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(k.Path(name+"~"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(k.Path(name+"~"), k.Path(name)); err != nil {
		t.Fatal(err)
	}
}

// issue writes a certificate and its key. Without a parent it is self-signed.
func (k Keys) issue(t testing.TB, name string, template, parent *x509.Certificate, parentKey any) (*x509.Certificate, any) {
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
	k.Write(t, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	k.Write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	return template, key
}

// Certificate returns the certificate NAME.pem with its key in NAME.key.
func (k Keys) Certificate(t testing.TB, name string) tls.Certificate {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(k.Path(name+".pem"), k.Path(name+".key"))
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// YAML returns the key auth of a config, with the given keys for these files.
func (k Keys) YAML(keys ...string) string {
	files := map[string]string{"cert": "server.pem", "key": "server.key", "clientCA": "ca.pem"}
	var out strings.Builder
	out.WriteString("\nauth:\n")
	if slices.Contains(keys, "tokenFile") {
		fmt.Fprintf(&out, "  tokenFile: %s\n", k.Path("token"))
	}
	out.WriteString("  tls:\n")
	for _, key := range []string{"cert", "key", "clientCA"} {
		if slices.Contains(keys, key) {
			fmt.Fprintf(&out, "    %s: %s\n", key, k.Path(files[key]))
		}
	}
	return out.String()
}
