package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestAdmission tries every call with every kind of Auth.
func TestAdmission(t *testing.T) {
	t.Parallel()
	ca, foreign := newAuthority(t), newAuthority(t)
	pair, token := ca.server(t), goodToken
	tokens := held(t, &token)
	oneWay := held(t, &Certificates{Pair: pair})
	mutual := held(t, &Certificates{Pair: pair, ClientCAs: ca.pool()})
	alice := ca.client(t, "alice")
	right, wrong := "Bearer "+goodToken, "Bearer "+strings.ToUpper(goodToken)
	const none = ""
	const (
		noToken  = "a token is needed"
		badToken = "the token is wrong"
		noCert   = "a client certificate is needed"
	)
	for _, tt := range []struct {
		name          string
		auth          Auth
		tls           *tls.Config
		authorization string
		want          string // the start of the denial; empty: admitted
	}{
		{"open, nothing", Auth{}, nil, none, ""},
		{"open, a token", Auth{}, nil, wrong, ""},
		{"token, none", Auth{Token: tokens}, nil, none, noToken},
		{"token, wrong", Auth{Token: tokens}, nil, wrong, badToken},
		{"token, right", Auth{Token: tokens}, nil, right, ""},
		{"TLS, nothing", Auth{TLS: oneWay}, trusting(ca), none, ""},
		{"TLS and token, none", Auth{Token: tokens, TLS: oneWay}, trusting(ca), none, noToken},
		{"TLS and token, wrong", Auth{Token: tokens, TLS: oneWay}, trusting(ca), wrong, badToken},
		{"TLS and token, right", Auth{Token: tokens, TLS: oneWay}, trusting(ca), right, ""},
		{"mutual TLS, no certificate", Auth{TLS: mutual}, trusting(ca), none, noCert},
		{"mutual TLS, a token instead", Auth{TLS: mutual}, trusting(ca), right, noCert},
		{"mutual TLS, wrong CA", Auth{TLS: mutual}, trusting(ca, foreign.client(t, "alice")), none, noCert}, // the client sends none, as its certificate would be refused
		{"mutual TLS, right", Auth{TLS: mutual}, trusting(ca, alice), none, ""},
		{"mutual TLS and token, certificate alone", Auth{Token: tokens, TLS: mutual}, trusting(ca, alice), none, noToken},
		{"mutual TLS and token, token alone", Auth{Token: tokens, TLS: mutual}, trusting(ca), right, noCert},
		{"mutual TLS and token, both", Auth{Token: tokens, TLS: mutual}, trusting(ca, alice), right, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := startWithAuth(t, tt.auth)
			v := p.visit(t, tt.tls, tt.authorization)
			v.tryGRPC(t, tt.want)
			status := http.StatusUnauthorized
			if tt.want == noCert {
				status = http.StatusForbidden
			}
			v.tryHTTP(t, tt.want, status)
			if now := p.board.Snapshot().Target; (now == 3) != (tt.want == "") {
				t.Errorf("the target is %d", now)
			}
			if strings.Contains(p.log.String(), goodToken) {
				t.Error("the token is in the log")
			}
		})
	}
}

func (v *visitor) tryGRPC(t *testing.T, want string) {
	for name, call := range v.calls() {
		ctx, cancel := context.WithCancel(v.ctx(t))
		err := call(ctx)
		cancel()
		if want == "" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want != "" && (status.Code(err) != codes.Unauthenticated || !strings.HasPrefix(status.Convert(err).Message(), want)) {
			t.Errorf("%s: %v; want UNAUTHENTICATED %s", name, err, want)
		}
	}
	if _, err := healthpb.NewHealthClient(v.conn).Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("health.Check is for all clients: %v", err)
	}
}

func (v *visitor) tryHTTP(t *testing.T, want string, denied int) {
	for _, path := range protectedPaths {
		body := ""
		if path == "/v1/scale" {
			body = `{"target":3}`
		}
		resp, text, err := v.get(t, path, body)
		if err != nil {
			t.Errorf("GET %s: %v", path, err)
			continue
		}
		challenged := resp.Header.Get("WWW-Authenticate") != ""
		code := map[int]codes.Code{http.StatusUnauthorized: codes.Unauthenticated, http.StatusForbidden: codes.PermissionDenied}[denied]
		message := fmt.Sprintf(`{"code":%d,"message":"%s`, code, want)
		switch {
		case want == "" && (resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden):
			t.Errorf("%s: %s %s", path, resp.Status, text)
		case want == "":
		case resp.StatusCode != denied || !strings.HasPrefix(text, message) || challenged != (denied == http.StatusUnauthorized):
			t.Errorf("%s: %s %s %v; want %d and %s", path, resp.Status, text, resp.Header, denied, want)
		}
	}
	for path, want := range map[string]int{"/healthz": http.StatusOK, "/readyz": http.StatusServiceUnavailable} {
		if resp, text, err := v.get(t, path, ""); err != nil || resp.StatusCode != want {
			t.Errorf("%s is for all clients: %v %s", path, err, text)
		}
	}
	public := httptest.NewRecorder()
	v.StatusHandler().ServeHTTP(public, httptest.NewRequestWithContext(t.Context(), http.MethodGet, statusPath, http.NoBody))
	if public.Code != http.StatusOK {
		t.Errorf("the public %s is for all clients: %d %s", statusPath, public.Code, public.Body)
	}
}

// TestTokenIsRemoved: the handlers after the admission do not see the token.
func TestTokenIsRemoved(t *testing.T) {
	t.Parallel()
	token := goodToken
	s := &Server{auth: Auth{Token: held(t, &token)}}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	req.Header.Set("Authorization", "Bearer "+goodToken)
	req.Header.Set("Accept", "text/plain")
	called := false
	s.admitHTTP(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called = true
		if len(r.Header) != 1 || r.Header.Get("Accept") != "text/plain" {
			t.Errorf("header is %v", r.Header)
		}
	})).ServeHTTP(httptest.NewRecorder(), req)
	if !called || req.Header.Get("Authorization") == "" {
		t.Error("the request was not passed on, or was changed")
	}
}

// TestForeignCertificateIsRefused: a client that sends a certificate of an unknown
// authority fails the handshake.
func TestForeignCertificateIsRefused(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	p := startWithAuth(t, Auth{TLS: held(t, &Certificates{Pair: ca.server(t), ClientCAs: ca.pool()})})
	cert := newAuthority(t).client(t, "mallory")
	config := trusting(ca)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	v := p.visit(t, config, "")
	for name, call := range v.calls() {
		if err := call(t.Context()); status.Code(err) != codes.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	if resp, text, err := v.get(t, "/v1/status", ""); err == nil {
		t.Errorf("GET: %s %s", resp.Status, text)
	}
}

// TestRotation: calls are checked against the present content of the files, on open
// connections too.
func TestRotation(t *testing.T) {
	t.Parallel()
	oldCA, newCA := newAuthority(t), newAuthority(t)
	token := goodToken
	auth := Auth{Token: held(t, &token), TLS: held(t, &Certificates{Pair: oldCA.server(t), ClientCAs: oldCA.pool()})}
	p := startWithAuth(t, auth)
	before := p.visit(t, trusting(oldCA, oldCA.client(t, "alice")), "Bearer "+goodToken)
	before.try(t, "")

	exchange(auth.Token, strings.ToUpper(goodToken))
	before.try(t, "the token is wrong")
	before.authorization = "Bearer " + strings.ToUpper(goodToken)
	before.try(t, "")

	exchange(auth.TLS, Certificates{Pair: newCA.server(t), ClientCAs: newCA.pool()})
	before.try(t, "the client certificate was rejected: x509: certificate signed by unknown authority")
	after := p.visit(t, trusting(newCA, newCA.client(t, "alice")), before.authorization)
	after.try(t, "")
}

// TestScaleToNamesTheCertificate: the log and the reason name the client by its
// certificate, not by the metadata that it sends.
func TestScaleToNamesTheCertificate(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	p := startWithAuth(t, Auth{TLS: held(t, &Certificates{Pair: ca.server(t), ClientCAs: ca.pool()})})
	v := p.visit(t, trusting(ca, ca.client(t, "Zoë")), "")
	ctx := metadata.AppendToOutgoingContext(t.Context(), peerKey, "6.6.6.6:6 (CN=root)")
	if _, err := dynlbv1.NewControlClient(v.conn).ScaleTo(ctx, &dynlbv1.ScaleToRequest{Target: proto.Int32(4)}); err != nil {
		t.Fatal(err)
	}
	if resp, text, err := v.get(t, "/v1/scale", `{"target":3}`); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatal(err, text)
	}
	audit := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	if len(audit) != 2 {
		t.Fatalf("log is %q; want one audit line a call", audit)
	}
	for i, end := range []string{"old=2 new=4 hold=0s", "old=4 new=3 hold=0s"} {
		if !strings.Contains(audit[i], `peer="127.0.0.1:`) || !strings.Contains(audit[i], `(CN=Zoë,O=Example)" `+end) {
			t.Errorf("audit line is %s", audit[i])
		}
	}
	if reason := p.scaler.reason; !strings.HasPrefix(reason, "order from 127.0.0.1:") || !strings.HasSuffix(reason, " (CN=Zoë,O=Example): 4 -> 3") {
		t.Errorf("reason is %q", reason)
	}
}

// TestDenialsAreLogged: denials are logged, at a limited rate.
func TestDenialsAreLogged(t *testing.T) {
	t.Parallel()
	token := goodToken
	p := startWithAuth(t, Auth{Token: held(t, &token)})
	secret := "Bearer my-other-secret-token"
	v := p.visit(t, nil, secret)
	for range 50 {
		v.try(t, "the token is wrong")
	}
	got := strings.Count(p.log.String(), "control call denied")
	if got < 1 || got > 20 {
		t.Errorf("100 denials left %d lines, want one a second", got)
	}
	want := `level=WARN msg="control call denied" peer=127.0.0.1:`
	end := ` call=/dynlb.v1.Control/GetStatus reason="the token is wrong" unlogged=0`
	if text := p.log.String(); !strings.Contains(text, want) || !strings.Contains(text, end) || strings.Contains(text, secret) {
		t.Errorf("log is %s", text)
	}
	d, s := &denials{}, &Server{log: p.Server.log}
	d.note(s, "a", "b", "c")
	for range 4 {
		d.note(s, "a", "b", "c")
	}
	d.last = d.last.Add(-denialInterval)
	d.note(s, "last", "b", "c")
	if want := "peer=last call=b reason=c unlogged=4"; !strings.Contains(p.log.String(), want) {
		t.Errorf("no %s in %s", want, p.log)
	}
}
