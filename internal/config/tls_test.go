package config

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// tlsValues are texts with tls, and what they set. DIR stands for the folder.
var tlsValues = []struct {
	yaml string
	want func(dir string) PublicTLS
}{
	{"tls:", func(string) PublicTLS { return PublicTLS{} }},
	{"tls: {cert: cert.pem, key: key.pem}", func(dir string) PublicTLS {
		return PublicTLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem")}
	}},
	{"tls: {certificates: [{cert: cert.pem, key: key.pem}], http2: false, hsts: 24h}", func(dir string) PublicTLS {
		return PublicTLS{
			Certificates: []KeyPair{{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")}},
		}
	}},
	{"tls: internal", func(string) PublicTLS { return PublicTLS{Internal: true} }},
	{"tls: {internal: true, http3: true}", func(string) PublicTLS { return PublicTLS{Internal: true, HTTP3: true} }},
	{"tls: {internal: true, storage: state}", func(dir string) PublicTLS {
		return PublicTLS{Internal: true, Storage: filepath.Join(dir, "state")}
	}},
	{"tls: {domains: [App.example.com, b.example.org], email: a@example.com}", func(string) PublicTLS {
		return PublicTLS{Domains: []string{"app.example.com", "b.example.org"}, Email: "a@example.com", Redirect: ":80"}
	}},
	{`tls: {domains: [a.example.com], redirect: ""}`, func(string) PublicTLS { return PublicTLS{Domains: []string{"a.example.com"}} }},
	{"tls: {domains: [a.example.com], redirect: '127.0.0.1:81', ca: 'https://localhost:14000/dir', caRoot: ca.pem}", func(dir string) PublicTLS {
		return PublicTLS{
			Domains: []string{"a.example.com"}, Redirect: "127.0.0.1:81",
			CA: "https://localhost:14000/dir", CARoot: filepath.Join(dir, "ca.pem"),
		}
	}},
	{"tls: {cert: cert.pem, key: key.pem, redirect: ':80'}", func(dir string) PublicTLS {
		return PublicTLS{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), Redirect: ":80"}
	}},
}

func TestTLSValues(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	for _, tt := range tlsValues {
		t.Run(tt.yaml, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("config.yaml", []byte(tt.yaml), dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			want := defaultIn(dir)
			want.TLS = tt.want(dir)
			want.TLS.HTTP2 = !strings.Contains(tt.yaml, "http2: false")
			if strings.Contains(tt.yaml, "hsts: 24h") {
				want.HSTS = 24 * time.Hour
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if on := tt.yaml != "tls:"; got.TLS.On() != on {
				t.Errorf("On() = %v, want %v", !on, on)
			}
		})
	}
}

// tlsProblems are texts with tls, and the problem in each.
var tlsProblems = []struct{ yaml, want string }{
	{"tls: {}", "1: tls: must have domains, cert and key, or internal: they say where the certificate comes from"},
	{"tls: {http3: true}", "1: tls: must have domains, cert and key, or internal: they say where the certificate comes from"},
	{"tls: {http2: true}", "1: tls: must have domains, cert and key, or internal: they say where the certificate comes from"},
	{"tls: on", `1: tls: must be internal, or a mapping with the keys cert, key, certificates, domains, email, ca, caRoot, internal, storage, redirect, http2, http3, hsts; got "on"`},
	{"tls: {cert: cert.pem}", "1: tls.cert: needs tls.key, its private key"},
	{"tls: {key: key.pem}", "1: tls.key: needs tls.cert, its certificate"},
	{"tls: {cert: gone, key: key.pem}", "1: tls.cert: must exist, as seen from the config file's folder; DIR/gone: no such file or directory"},
	{"tls: {cert: cert.pem, key: open}", "1: tls.key: DIR/open is accessible to all users (mode 0644); run chmod 600 on it"},
	{
		"tls:\n  cert: cert.pem\n  key: other.pem",
		"3: tls.key: DIR/cert.pem and DIR/other.pem are not a certificate and its private key: tls: private key does not match public key",
	},
	{"tls: {certificates: {cert: cert.pem}}", "1: tls.certificates: must be a list of certificates, such as [{cert: cert.pem, key: key.pem}]; got a mapping"},
	{"tls: {certificates: [cert.pem]}", `1: tls.certificates[0]: must be a mapping with the keys cert, key; got "cert.pem"`},
	{"tls:\n  certificates:\n  - {cert: cert.pem, key: key.pem}\n  - {cert: cert.pem}", "4: tls.certificates[1]: must have key, the private key of cert"},
	{"tls:\n  certificates:\n  - {key: key.pem}", "3: tls.certificates[0]: must have cert, a certificate"},
	{
		"tls: {certificates: [{cert: cert.pem, key: other.pem}]}",
		"1: tls.certificates[0]: DIR/cert.pem and DIR/other.pem are not a certificate and its private key: tls: private key does not match public key",
	},
	{"tls: {domains: app.example.com}", `1: tls.domains: must be a list of host names, such as [app.example.com]; got "app.example.com"`},
	{"tls: {domains: [localhost]}", `1: tls.domains[0]: must be a host name, such as app.example.com; got "localhost"`},
	{"tls: {domains: [10.0.0.1]}", `1: tls.domains[0]: must be a host name, such as app.example.com; got "10.0.0.1"`},
	{"tls: {domains: [a.b.c, A.b.c]}", `1: tls.domains[1]: is in the list twice; got "A.b.c"`},
	{
		"tls: {domains: ['*.example.com']}",
		`1: tls.domains[0]: must not be a wildcard, which needs a DNS challenge; list the names, or use cert and key; got "*.example.com"`,
	},
	{"tls: {domains: [a.example.com], email: me}", `1: tls.email: must be an address such as admin@example.com; got "me"`},
	{
		"tls: {domains: [a.example.com], ca: 'http://ca.example.com'}",
		`1: tls.ca: must be a URL that starts with https://, such as https://acme-v02.api.letsencrypt.org/directory; got "http://ca.example.com"`,
	},
	{"tls: {internal: true, email: a@example.com}", "1: tls.email: needs tls.domains, the names to obtain certificates for"},
	{"tls: {domains: [a.example.com], caRoot: ca.pem}", "1: tls.caRoot: needs tls.ca, the authority that it is about"},
	{
		"tls:\n  internal: true\n  domains: [a.example.com]",
		"3: tls.domains: tls.internal and tls.domains exclude each other: one is for development, the other for the internet",
	},
	{"tls: {internal: true, redirect: 80}", `1: tls.redirect: must be host:port; write tls.redirect: ":80"`},
	{"listen: :4443\ntls: {internal: true, redirect: ':4443'}", "2: tls.redirect: must be on another port than listen (:4443); got :4443"},
	{"listen: :80\ntls: {domains: [a.example.com]}", "1: listen: must be on another port than tls.redirect (:80, the default); got :80"},
}

// TestTLSProblems compares the problems of tls. DIR stands for the folder.
func TestTLSProblems(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	_, otherKey := newPair(t)
	writeFile(t, dir, "other.pem", otherKey, 0o600)
	writeFile(t, dir, "open", testToken, 0o644)
	for _, tt := range tlsProblems {
		t.Run(tt.yaml, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("config.yaml", []byte(tt.yaml), dir, nil)
			want := []string{"config.yaml:" + strings.ReplaceAll(tt.want, "DIR", dir)}
			if got := report(t, err); !slices.Equal(got, want) {
				t.Errorf("got\n%v\nwant\n%v", err, want)
			}
		})
	}
}
