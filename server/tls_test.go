package server

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestTLSVersions: both listeners require TLS 1.2 or later.
func TestTLSVersions(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	p := startWithAuth(t, Auth{TLS: held(t, &Certificates{Pair: ca.server(t)})})
	for _, address := range []string{p.grpcAddress(), p.httpAddress()} {
		for version, good := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
			config := trusting(ca)
			config.MinVersion, config.MaxVersion, config.NextProtos = version, version, []string{"h2", "http/1.1"}
			dialer := tls.Dialer{Config: config}
			conn, err := dialer.DialContext(t.Context(), "tcp", address)
			if (err == nil) != good {
				t.Errorf("%s to %s: %v", tls.VersionName(version), address, err)
			}
			if err == nil {
				conn.Close()
			}
		}
	}
	plain := p.visit(t, nil, "")
	if _, err := dynlbv1.NewControlClient(plain.conn).GetStatus(t.Context(), &dynlbv1.GetStatusRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("gRPC without TLS: %v", err)
	}
	resp, text, err := plain.get(t, "/v1/status", "")
	if err != nil || resp.StatusCode != http.StatusBadRequest {
		t.Errorf("HTTP without TLS: %v %s", err, text)
	}
}

// TestOriginCheckAcceptsTheCertificate: a name in the server's certificate is one of
// its hosts.
func TestOriginCheckAcceptsTheCertificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	p := startWithAuth(t, Auth{TLS: held(t, &Certificates{Pair: ca.server(t)})})
	for host, want := range map[string]int{"lb.example": http.StatusOK, "LB.example.:4002": http.StatusOK, "evil.example": http.StatusForbidden} {
		v := p.visit(t, trusting(ca), "")
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+"/v1/status", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		resp, err := v.web.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("Host %s: %s, want %d", host, resp.Status, want)
		}
	}
}

// TestShutdownEndsStreamsOverTLS: Shutdown ends streams over TLS like others.
func TestShutdownEndsStreamsOverTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	p := startWithAuth(t, Auth{TLS: held(t, &Certificates{Pair: ca.server(t)})})
	v := p.visit(t, trusting(ca), "")
	watch, err := dynlbv1.NewControlClient(v.conn).WatchInstances(t.Context(), &dynlbv1.WatchInstancesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if err := first(watch, nil); err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.url+"/v1/instances:watch", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := v.web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.Proto != "HTTP/1.1" {
		t.Errorf("admin HTTP speaks %s over TLS", resp.Proto)
	}
	p.stop(t)
	wantCode(t, first(watch, nil), codes.Unavailable, "shutting down")
	body, err := io.ReadAll(resp.Body)
	if want := `"message":"dynlb is shutting down"`; err != nil || !strings.Contains(string(body), want) {
		t.Errorf("HTTP watch ended with %q, %v, want %s", body, err, want)
	}
	if strings.Contains(p.log.String(), "cut off") {
		t.Errorf("clients were cut off: %s", p.log)
	}
}
