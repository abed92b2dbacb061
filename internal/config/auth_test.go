package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

const allAuth = "auth: {tokenFile: token, tls: {cert: cert.pem, key: key.pem, clientCA: ca.pem}}\n"

// authProblems are texts with auth, and the problem in each, if any.
var authProblems = []struct{ yaml, want string }{
	{"auth: {}", ""},
	{"auth:\n  tls:\n  tokenFile:", ""},
	{"auth: {tokenFile: token}", ""},
	{"auth: {tls: {cert: cert.pem, key: key.pem}}", ""},
	{allAuth, ""},

	{"auth: token", `1: auth: must be a mapping with the keys tokenFile, tls; got "token"`},
	{"auth:\n  tls: [cert.pem]", "2: auth.tls: must be a mapping with the keys cert, key, clientCA; got a list"},
	{"auth: {token: token}", "1: auth.token: unknown key; the keys are tokenFile, tls"},
	{"auth: {tls: {clientCa: ca.pem}}", "1: auth.tls.clientCa: unknown key; did you mean clientCA?"},
	{"auth: {tls: {ca: ca.pem}}", "1: auth.tls.ca: unknown key; the keys are cert, key, clientCA"},
	{"authTokenFile: token", "1: authTokenFile: unknown key; did you mean tokenFile under auth?"},
	{"auth.tls.cert: token", "1: auth.tls.cert: unknown key; did you mean cert under auth.tls?"},
	{"auth: {tlsCert: token}", "1: auth.tlsCert: unknown key; did you mean cert under tls?"},

	{"auth: {tokenFile: gone}", "1: auth.tokenFile: must exist, as seen from the config file's folder; DIR/gone: no such file or directory"},
	{"auth: {tokenFile: sub}", "1: auth.tokenFile: must be a file; DIR/sub is a folder"},
	{"auth: {tokenFile: pipe}", "1: auth.tokenFile: must be a regular file; DIR/pipe is not one"},
	{"auth: {tokenFile: 5}", "1: auth.tokenFile: must be a path; got 5"},
	{"auth: {tokenFile: short}", "1: auth.tokenFile: DIR/short must hold one token of 16 to 1024 ASCII characters without spaces, such as the output of `openssl rand -hex 32`"},
	{"auth: {tokenFile: open}", "1: auth.tokenFile: DIR/open is accessible to all users (mode 0644); run chmod 600 on it"},

	{"auth: {tls: {cert: cert.pem}}", "1: auth.tls.cert: needs auth.tls.key, its private key"},
	{"auth: {tls: {key: key.pem}}", "1: auth.tls.key: needs auth.tls.cert, its certificate"},
	{"auth: {tls: {key: key.pem, cert: }}", "1: auth.tls.key: needs auth.tls.cert, its certificate"},
	{"auth: {tls: {clientCA: ca.pem}}", "1: auth.tls.clientCA: needs auth.tls.cert and auth.tls.key: client certificates are for listeners with TLS"},
	{"auth: {tls: {cert: gone, key: key.pem}}", "1: auth.tls.cert: must exist, as seen from the config file's folder; DIR/gone: no such file or directory"},
	{
		"auth:\n  tls:\n    cert: cert.pem\n    key: other.pem",
		"4: auth.tls.key: DIR/cert.pem and DIR/other.pem are not a certificate and its private key: tls: private key does not match public key",
	},
	{
		"auth:\n  tls:\n    key: key.pem\n    cert: app.ts",
		"4: auth.tls.cert: DIR/app.ts and DIR/key.pem are not a certificate and its private key: tls: failed to find any PEM data in certificate input",
	},
	{"auth: {tls: {cert: cert.pem, key: open}}", "1: auth.tls.key: DIR/open is accessible to all users (mode 0644); run chmod 600 on it"},
	{
		"auth: {tls: {cert: cert.pem, key: key.pem, clientCA: app.ts}}",
		"1: auth.tls.clientCA: DIR/app.ts must hold certificates in PEM form (-----BEGIN CERTIFICATE-----)",
	},
}

// TestAuthProblems compares the problems of auth. DIR stands for the folder.
func TestAuthProblems(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	_, otherKey := newPair(t)
	writeFile(t, dir, "other.pem", otherKey, 0o600)
	writeFile(t, dir, "short", "secret", 0o600)
	writeFile(t, dir, "open", testToken, 0o644)
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range authProblems {
		t.Run(tt.yaml, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("config.yaml", []byte(tt.yaml), dir, nil)
			var want []string
			if tt.want != "" {
				want = []string{"config.yaml:" + strings.ReplaceAll(tt.want, "DIR", dir)}
			}
			if got := report(t, err); !slices.Equal(got, want) {
				t.Errorf("got\n%v\nwant\n%v", err, want)
			}
		})
	}
}

func TestUnreadableCredential(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may read every file")
	}
	dir := folderWithApp(t)
	writeFile(t, dir, "cert.pem", "", 0)
	_, err := Parse("config.yaml", []byte(allAuth), dir, nil)
	if want := "config.yaml:1: auth.tls.cert: " + dir + "/cert.pem cannot be read: permission denied"; !slices.Equal(report(t, err), []string{want}) {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestExposedListeners checks that a control listener off loopback is refused
// without TLS and a token or client certificates, and the text of the problem.
func TestExposedListeners(t *testing.T) {
	t.Parallel()
	dir := folderWithApp(t)
	const certs = "auth: {tls: {cert: cert.pem, key: key.pem}}\n"
	const (
		all   = "auth.tls.cert, auth.tls.key and auth.tokenFile (or auth.tls.clientCA)"
		pair  = "auth.tls.cert and auth.tls.key"
		proof = "auth.tokenFile (or auth.tls.clientCA)"
	)
	for _, tt := range []struct{ auth, address, missing string }{
		{"", "127.0.0.1:9", ""},
		{"", "127.8.8.8:9", ""},
		{"", "'[::1]:9'", ""},
		{"", "'[::ffff:127.0.0.1]:9'", ""},
		{"", "LocalHost:9", ""},
		{"", "':9'", all},
		{"", "0.0.0.0:9", all},
		{"", "'[::]:9'", all},
		{"", "'[::ffff:0.0.0.0]:9'", all},
		{"", "10.1.2.3:9", all},
		{"", "'[fe80::1%eth0]:9'", all},
		{"", "box:9", all},
		{"", "localhost.example:9", all},
		{"auth: {tokenFile: token}\n", ":9", pair},
		{certs, "':9'", proof},
		{"auth: {tokenFile: token, tls: {cert: cert.pem, key: key.pem}}\n", "':9'", ""},
		{"auth: {tls: {cert: cert.pem, key: key.pem, clientCA: ca.pem}}\n", "':9'", ""},
		{allAuth, "box:9", ""},
	} {
		for _, key := range []string{"admin", "adminHTTP"} {
			yaml := tt.auth + key + ": " + tt.address
			t.Run(yaml, func(t *testing.T) {
				t.Parallel()
				_, err := Parse("config.yaml", []byte(yaml), dir, nil)
				var want []string
				if tt.missing != "" {
					line := "1"
					if tt.auth != "" {
						line = "2"
					}
					want = []string{"config.yaml:" + line + ": " + key + ": is off loopback, where others can reach it; set " +
						tt.missing + ", or listen on 127.0.0.1:9; got " + strings.Trim(tt.address, "'")}
				}
				if got := report(t, err); !slices.Equal(got, want) {
					t.Errorf("got\n%v\nwant\n%v", err, want)
				}
			})
		}
	}
}

// TestExposedListenerWithBadAuth checks that a key with a problem of its own is not
// reported as missing too.
func TestExposedListenerWithBadAuth(t *testing.T) {
	t.Parallel()
	_, err := Parse("config.yaml", []byte("admin: :9\n"+allAuth), t.TempDir(), nil)
	got := report(t, err)
	if len(got) != 4 || slices.ContainsFunc(got, func(line string) bool { return strings.Contains(line, "off loopback") }) {
		t.Errorf("got\n%v\nwant a problem for each of the four files, and none for the listener", err)
	}
}
