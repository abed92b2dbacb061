package server

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
)

// TestTLSToPlainPort: a client that speaks TLS to a plain port is answered in plain
// words over HTTP, and its connection is closed over gRPC. The log says so.
func TestTLSToPlainPort(t *testing.T) {
	t.Parallel()
	p := start(t)
	for range 2 {
		_, err := http.Get("https://" + p.httpAddress() + "/readyz")
		if err == nil || !strings.Contains(err.Error(), "HTTP response to HTTPS client") {
			t.Errorf("admin HTTP: %v, want an answer of plain HTTP", err)
		}
	}
	conn := connect(t, p.httpAddress())
	if _, err := conn.Write([]byte{0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5}); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 1024)
	if n, _ := conn.Read(answer); !strings.Contains(string(answer[:n]), "write http:// in place of https://") {
		t.Errorf("admin HTTP answers %q", answer[:n])
	}
	if c, err := tls.Dial("tcp", p.grpcAddress(), &tls.Config{InsecureSkipVerify: true}); err == nil {
		_ = c.Close()
		t.Error("gRPC: a TLS handshake succeeds on a plain port")
	} else if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		t.Errorf("gRPC: %v, want the connection closed", err)
	}
	if !strings.Contains(p.log.String(), "speaks TLS to admin") {
		t.Errorf("the log says nothing of it: %s", p.log.String())
	}
}
