package config

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const testToken = "0123456789abcdef"

// writeAuth writes valid files for auth into dir: token, cert.pem with key.pem, and
// ca.pem.
func writeAuth(t testing.TB, dir string) {
	t.Helper()
	cert, key := newPair(t)
	writeFile(t, dir, "token", testToken+"\n", 0o600)
	writeFile(t, dir, "cert.pem", cert, 0o644)
	writeFile(t, dir, "key.pem", key, 0o600)
	writeFile(t, dir, "ca.pem", cert, 0o644)
}

func writeFile(t testing.TB, dir, name, content string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // WriteFile applies the umask
		t.Fatal(err)
	}
	return path
}

// newPair returns a self-signed certificate and its key.
func newPair(t testing.TB) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "test"},
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}

func TestReadToken(t *testing.T) {
	t.Parallel()
	const want = " must hold one token of 16 to 1024 ASCII characters without spaces, such as the output of `openssl rand -hex 32`"
	dir := t.TempDir()
	for _, tt := range []struct {
		name, content string
		mode          os.FileMode
		token, err    string // err without the path
	}{
		{"shortest", testToken, 0o600, testToken, ""},
		{"longest", strings.Repeat("x", 1024), 0o400, strings.Repeat("x", 1024), ""},
		{"line", testToken + "\n", 0o600, testToken, ""},
		{"space around", " \t" + testToken + "\r\n\n", 0o600, testToken, ""},
		{"any visible ASCII", "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", 0o600, "!\"#$%&'()*+,-./:;<=>?@[]^_`{|}~", ""},
		{"group", testToken, 0o640, testToken, ""},
		{"empty", "", 0o600, "", want},
		{"only space", strings.Repeat(" ", 20) + "\n", 0o600, "", want},
		{"short", testToken[1:], 0o600, "", want},
		{"long", strings.Repeat("x", 1025), 0o600, "", want},
		{"two lines", testToken + "\n" + testToken, 0o600, "", want},
		{"space", testToken + " x", 0o600, "", want},
		{"control character", testToken + "\x7f", 0o600, "", want},
		{"beyond ASCII", testToken + "é", 0o600, "", want},
		{"not UTF-8", testToken + "\xff", 0o600, "", want},
		{"far too large", strings.Repeat("x", maxSize+1), 0o600, "", " must not be larger than 1 MiB"},
		{"readable by everyone", testToken, 0o604, "", " is accessible to all users (mode 0604); run chmod 600 on it"},
		{"writable by everyone", testToken, 0o602, "", " is accessible to all users (mode 0602); run chmod 600 on it"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, dir, strings.ReplaceAll(tt.name, " ", "-"), tt.content, tt.mode)
			token, err := ReadToken(path)
			if tt.err == "" {
				if err != nil || token != tt.token {
					t.Errorf("ReadToken = %q, %v; want %q", token, err, tt.token)
				}
				return
			}
			if err == nil || err.Error() != path+tt.err || token != "" {
				t.Errorf("ReadToken = %q, %v\nwant %s%s", token, err, path, tt.err)
			}
		})
	}
	gone := filepath.Join(dir, "gone")
	if _, err := ReadToken(gone); err == nil || err.Error() != gone+" cannot be read: no such file or directory" {
		t.Errorf("ReadToken without a file = %v", err)
	}
}

func TestReadKeyPair(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeAuth(t, dir)
	path := func(name string) string { return filepath.Join(dir, name) }
	other, otherKey := newPair(t)
	writeFile(t, dir, "other.pem", other, 0o600)
	writeFile(t, dir, "open.pem", otherKey, 0o644)
	writeFile(t, dir, "text", "x", 0o600)

	pair, err := ReadKeyPair(path("cert.pem"), path("key.pem"))
	if err != nil || pair.Leaf == nil || pair.Leaf.Subject.CommonName != "test" {
		t.Errorf("ReadKeyPair = %+v, %v", pair.Leaf, err)
	}
	for _, tt := range []struct{ cert, key, want string }{
		{"other.pem", "key.pem", path("other.pem") + " and " + path("key.pem") + " are not a certificate and its private key: tls: private key does not match public key"},
		{"text", "key.pem", "tls: failed to find any PEM data in certificate input"},
		{"cert.pem", "text", "tls: failed to find any PEM data in key input"},
		{"key.pem", "cert.pem", path("cert.pem") + " is accessible to all users (mode 0644); run chmod 600 on it"},
		{"key.pem", "other.pem", "tls: failed to find certificate PEM data in certificate input, but did find a private key"},
		{"other.pem", "open.pem", path("open.pem") + " is accessible to all users (mode 0644); run chmod 600 on it"},
		{"gone.pem", "key.pem", path("gone.pem") + " cannot be read: no such file or directory"},
		{"cert.pem", "gone.pem", path("gone.pem") + " cannot be read: no such file or directory"},
	} {
		if _, err := ReadKeyPair(path(tt.cert), path(tt.key)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ReadKeyPair(%s, %s) = %v; want %q", tt.cert, tt.key, err, tt.want)
		}
	}
}

func TestReadCAs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, key := newPair(t)
	two, _ := newPair(t)
	both, err := ReadCAs(writeFile(t, dir, "both.pem", "some words\n"+one+key+"more words\n"+two, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	want := x509.NewCertPool()
	want.AppendCertsFromPEM([]byte(one + two))
	if !both.Equal(want) {
		t.Error("ReadCAs did not find both certificates")
	}
	block, _ := pem.Decode([]byte(two))
	broken := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bytes.TrimSuffix(block.Bytes, block.Bytes[200:])})
	for content, want := range map[string]string{
		"":                   " must hold certificates in PEM form (-----BEGIN CERTIFICATE-----)",
		key:                  " must hold certificates in PEM form (-----BEGIN CERTIFICATE-----)",
		one + string(broken): " contains an invalid certificate: x509: ",
	} {
		path := writeFile(t, dir, "bad.pem", content, 0o644)
		if _, err := ReadCAs(path); err == nil || !strings.HasPrefix(err.Error(), path+want) {
			t.Errorf("ReadCAs = %v; want %q", err, path+want)
		}
	}
}
