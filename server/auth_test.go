package server

import (
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"
)

const goodToken = "0123456789abcdef0123456789abcdef"

func TestVerifyToken(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		authorization []string
		text          string // empty: let in
		challenge     string
	}{
		{"right", []string{"Bearer " + goodToken}, "", ""},
		{"other case", []string{"bearer " + goodToken}, "", ""},
		{"space around", []string{"BEARER   " + goodToken + " "}, "", ""},
		{"none", nil, "a token is needed: send authorization: Bearer TOKEN", challenge},
		{"wrong", []string{"Bearer 0123456789abcdef0123456789abcdeF"}, "the token is wrong", badToken},
		{"part", []string{"Bearer " + goodToken[1:]}, "the token is wrong", badToken},
		{"longer", []string{"Bearer " + goodToken + "0"}, "the token is wrong", badToken},
		{"twice", []string{"Bearer " + goodToken + " " + goodToken}, "the token is wrong", badToken},
		{"empty", []string{"Bearer "}, "the token is wrong", badToken},
		{"no scheme", []string{goodToken}, "the authorization must be of the form: Bearer TOKEN", badCredential},
		{"other scheme", []string{"Basic " + goodToken}, "the authorization must be of the form: Bearer TOKEN", badCredential},
		{"no value", []string{""}, "the authorization must be of the form: Bearer TOKEN", badCredential},
		{"two", []string{"Bearer " + goodToken, "Bearer " + goodToken}, "send one authorization, not several", badCredential},
		{"two, one wrong", []string{"Bearer x", "Bearer " + goodToken}, "send one authorization, not several", badCredential},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := verifyToken(tt.authorization, goodToken)
			if got == nil {
				got = &denial{}
			}
			if got.text != tt.text || got.challenge != tt.challenge {
				t.Errorf("denial is %+v; want %q, %q", got, tt.text, tt.challenge)
			}
		})
	}
}

// verifyClient sees what has changed since the handshake.
func TestVerifyClient(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	good := ca.client(t, "alice")
	intermediate := authority{sign(t, &ca, &x509.Certificate{
		Subject: pkix.Name{CommonName: "team"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})}
	expired := sign(t, &ca, &x509.Certificate{
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	const notGood = "the client certificate was rejected: x509: "
	for name, tt := range map[string]struct {
		certs []*x509.Certificate
		want  string
	}{
		"good":           {[]*x509.Certificate{good.Leaf}, ""},
		"by way of":      {[]*x509.Certificate{intermediate.client(t, "bob").Leaf, intermediate.Leaf}, ""},
		"none":           {nil, "a client certificate is needed, signed by an authority in auth.tls.clientCA"},
		"expired":        {[]*x509.Certificate{expired.Leaf}, notGood + "certificate has expired"},
		"wrong CA":       {[]*x509.Certificate{newAuthority(t).client(t, "alice").Leaf}, notGood + "certificate signed by unknown authority"},
		"missing link":   {[]*x509.Certificate{intermediate.client(t, "bob").Leaf}, notGood + "certificate signed by unknown authority"},
		"for a server":   {[]*x509.Certificate{ca.server(t).Leaf}, notGood + "certificate specifies an incompatible key usage"},
		"good one later": {[]*x509.Certificate{newAuthority(t).client(t, "eve").Leaf, good.Leaf}, notGood + "certificate signed by unknown authority"},
	} {
		t.Run(name, func(t *testing.T) {
			got := verifyClient(&tls.ConnectionState{PeerCertificates: tt.certs}, ca.pool())
			if got == nil {
				got = &denial{}
			}
			if (tt.want == "") != (got.text == "") || !strings.HasPrefix(got.text, tt.want) || got.challenge != "" {
				t.Errorf("denial is %+v; want %q", got, tt.want)
			}
		})
	}
	if verifyClient(nil, ca.pool()) == nil {
		t.Error("a client without TLS was let in")
	}
}

func TestSubjectOf(t *testing.T) {
	t.Parallel()
	id, err := url.Parse("spiffe://example.org/ops")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		leaf x509.Certificate
		want string
	}{
		"subject": {x509.Certificate{Subject: pkix.Name{CommonName: "Zoë", Organization: []string{"A, B"}}, DNSNames: []string{"x"}}, `CN=Zoë,O=A\, B`},
		"URI":     {x509.Certificate{URIs: []*url.URL{id}, DNSNames: []string{"x"}}, "spiffe://example.org/ops"},
		"DNS":     {x509.Certificate{DNSNames: []string{"ops.example", "x"}}, "ops.example"},
		"mail":    {x509.Certificate{EmailAddresses: []string{"ops@example.org"}}, "ops@example.org"},
		"nothing": {x509.Certificate{SerialNumber: big.NewInt(7)}, "serial 7"},
		"control": {x509.Certificate{Subject: pkix.Name{CommonName: "a\n\x1b[31mb"}}, "CN=a??[31mb"},
		"long":    {x509.Certificate{Subject: pkix.Name{CommonName: strings.Repeat("é", 300)}}, "CN=" + strings.Repeat("é", maxSubject-3)},
	} {
		certs := []*x509.Certificate{&tt.leaf}
		if got := subjectOf(&tls.ConnectionState{PeerCertificates: certs, VerifiedChains: [][]*x509.Certificate{certs}}); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		if got := subjectOf(&tls.ConnectionState{PeerCertificates: certs}); got != "" {
			t.Errorf("%s: %q is believed without verification", name, got)
		}
	}
	if got := subjectOf(nil); got != "" {
		t.Errorf("without TLS: %q", got)
	}
}
