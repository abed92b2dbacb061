#!/usr/bin/env bash
# A server of Go's crypto/tls does not learn that a client with OpenSSL rejects its certificate.
#
# Expected: under TLS 1.3 the server reports the alert of the client by its name, unknown
# certificate authority, as it does under TLS 1.2, and for a client of Go.
# Guess, after "bad record MAC" had been seen in a log and before the first run: OpenSSL has not
# switched to the handshake keys for what it writes when it rejects the certificate, so its
# alert is not encrypted, and crypto/tls tries to decrypt it.
# Seen: so it is. The last record of the client is an alert of 2 bytes in plain text, and the
# server reports "local error: tls: bad record MAC" (golang/go#76767). A client of Go encrypts
# its alert, and is reported as "remote error: tls: bad certificate".
#
# For a load balancer: most clients that are not browsers are of this kind (curl, Python, Ruby,
# PHP). A log line about a bad record MAC in a handshake must say that the client may not trust
# the certificate.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
printf 'module finding\n\ngo 1.26.0\n' > go.mod
cat > client.py <<'PROGRAM'
"""Connects to a server whose certificate no authority has signed."""
import socket, ssl, sys
context = ssl.create_default_context()
context.maximum_version = getattr(ssl.TLSVersion, sys.argv[2])
try:
    context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="localhost")
except ssl.SSLCertVerificationError:
    print(ssl.OPENSSL_VERSION)
PROGRAM
cat > main.go <<'PROGRAM'
// Serves clients that do not trust the certificate, and prints what crypto/tls says of each,
// and the last record that came from it.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// received is a connection that keeps what was read.
type received struct {
	net.Conn
	bytes []byte
}

func (c *received) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes = append(c.bytes, b[:n]...)
	return n, err
}

// last returns the last record of TLS.
func (c *received) last() []byte {
	b := c.bytes
	for len(b) >= 5 {
		n := 5 + int(b[3])<<8 + int(b[4])
		if n >= len(b) {
			return b
		}
		b = b[n:]
	}
	return nil
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func main() {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	certificate := must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key))
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: key}}}
	l := must(net.Listen("tcp", "127.0.0.1:0"))
	_, port, _ := net.SplitHostPort(l.Addr().String())
	python := func(version string) string {
		return strings.TrimSpace(string(must(exec.Command("python3", "client.py", port, version).CombinedOutput())))
	}
	golang := func() string {
		if conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: "localhost"}); err == nil {
			_ = conn.Close()
			return "which trusts it"
		}
		return runtime.Version()
	}
	for _, client := range []struct {
		name string
		run  func() string
	}{
		{"TLS 1.3, client of", func() string { return python("TLSv1_3") }},
		{"TLS 1.2, client of", func() string { return python("TLSv1_2") }},
		{"TLS 1.3, client of", golang},
	} {
		said := make(chan string, 1)
		go func() {
			conn := &received{Conn: must(l.Accept())}
			defer func() { _ = conn.Close() }()
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			err := tls.Server(conn, config).Handshake()
			said <- fmt.Sprintf("%v; last record % x", err, conn.last())
		}()
		fmt.Printf("%s %s; server of %s: %s\n", client.name, client.run(), runtime.Version(), <-said)
	}
}
PROGRAM
timeout 120 go run . | tee seen
grep -Eq '^TLS 1.3, client of OpenSSL .*local error: tls: bad record MAC; last record 15 03 03 00 02 02 30$' seen
grep -Eq '^TLS 1.2, client of OpenSSL .*remote error: tls: unknown certificate authority; last record 15 03 03 00 02 02 30$' seen
grep -Eq '^TLS 1.3, client of go.*remote error: tls: bad certificate; last record 17 ' seen
echo 'as found'
