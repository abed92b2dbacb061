package cli

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestClientFlags: the effect of the flags, and the advice when they do not suffice.
func TestClientFlags(t *testing.T) {
	k := daemontest.NewKeys(t)
	flags := strings.NewReplacer("CA", "--tls-ca "+k.Path("ca.pem"), "NAME", "--tls-server-name lb.example",
		"CERT", "--tls-cert "+k.Path("client.pem")+" --tls-key "+k.Path("client.key"), "TOKEN", "--token-file "+k.Path("token"))
	const good, isTLS = "2 ready of 2 wanted", "\nthe listener speaks TLS; give --tls-ca, the authority of its certificate (auth.tls.cert if it is self-signed)\n"
	for _, server := range []struct {
		keys  []string
		cases map[string]string // flags to output
	}{
		{nil, map[string]string{
			"":        good,
			"TOKEN":   good,
			"CA NAME": "\nthe listener does not speak TLS; leave out the --tls flags\n",
		}},
		{[]string{"tokenFile"}, map[string]string{
			"":                                      "dynlb: a token is needed: send authorization: Bearer TOKEN; give --token-file, the file that auth.tokenFile names\n",
			"TOKEN":                                 good,
			"--token-file " + k.Path("other-token"): "dynlb: the token is wrong; give --token-file, the file that auth.tokenFile names\n",
			"--token-file " + k.Path("gone"):        "dynlb: --token-file: " + k.Path("gone") + " cannot be read: no such file or directory\n",
		}},
		{[]string{"tokenFile", "cert", "key"}, map[string]string{
			"":                              isTLS,
			"TOKEN":                         isTLS,
			"CA NAME":                       "a token is needed",
			"CA NAME TOKEN":                 good,
			"NAME TOKEN":                    "\ngive the authority of its certificate with --tls-ca (auth.tls.cert if it is self-signed)\n",
			"CA TOKEN":                      "\ngive a name that is in its certificate with --tls-server-name\n",
			"CA TOKEN --tls-server-name lb": "certificate is valid for lb.example, not lb\"\ngive one of these names with --tls-server-name\n",
			"--tls-ca " + k.Path("other-ca.pem") + " NAME TOKEN": "signed by unknown authority",
			"--tls-ca " + k.Path("server.pem") + " NAME TOKEN":   good, // the very certificate
			"--tls-ca " + k.Path("token") + " NAME TOKEN":        "dynlb: --tls-ca: " + k.Path("token") + " must hold certificates in PEM form",
		}},
		{[]string{"cert", "key", "clientCA"}, map[string]string{
			"CA NAME":       "dynlb: a client certificate is needed, signed by an authority in auth.tls.clientCA; give --tls-cert and --tls-key, signed by auth.tls.clientCA\n",
			"CA NAME TOKEN": "dynlb: a client certificate is needed",
			"CA NAME CERT":  good,
			"CA NAME --tls-cert " + k.Path("other-client.pem") + " --tls-key " + k.Path("other-client.key"): "dynlb: a client certificate is needed",
			"CA NAME --tls-cert " + k.Path("client.pem"):                                                    "dynlb: --tls-cert and --tls-key belong together; give both\n",
			"CA NAME --tls-cert " + k.Path("client.pem") + " --tls-key " + k.Path("server.key"):             "dynlb: --tls-cert, --tls-key: ",
		}},
	} {
		t.Run(strings.Join(server.keys, " "), func(t *testing.T) {
			r := daemontest.Start(t, k.YAML(server.keys...))
			r.AwaitReady(2)
			t.Parallel()
			for line, want := range server.cases {
				args := append([]string{"status", "--admin", r.Admin}, strings.Fields(flags.Replace(line))...)
				code, stdout, stderr := cli(t, args...)
				if !strings.Contains(stdout+stderr, want) || (code == exitDone) != (want == good) {
					t.Errorf("status %s: %d\n%s%swant %s", line, code, stdout, stderr, want)
				}
			}
		})
	}
}

func TestSpeaksTLS(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		host  string
		id    identity
		files config.TLS
		want  bool
	}{
		{"127.0.0.1", identity{}, config.TLS{}, false},
		{"::1", identity{tokenFile: "token"}, config.TLS{}, false},
		{"localhost", identity{}, config.TLS{}, false},
		{"192.0.2.1", identity{tokenFile: "token"}, config.TLS{}, true},
		{"lb.example", identity{}, config.TLS{}, true},
		{"127.0.0.1", identity{}, config.TLS{Cert: "cert.pem", Key: "key.pem"}, true},
		{"127.0.0.1", identity{ca: "ca.pem"}, config.TLS{}, true},
		{"127.0.0.1", identity{cert: "cert.pem"}, config.TLS{}, true},
		{"127.0.0.1", identity{serverName: "lb.example"}, config.TLS{}, true},
	} {
		if got := c.id.speaksTLS(c.host, c.files); got != c.want {
			t.Errorf("%s with %+v, %+v: %v", c.host, c.id, c.files, got)
		}
	}
}

// TestClientFollowsConfig: with the config of the daemon, commands need no flags,
// whatever name the certificate has. Both follow a change of the files.
func TestClientFollowsConfig(t *testing.T) {
	t.Parallel()
	k := daemontest.NewKeys(t)
	auth := k.YAML("tokenFile", "cert", "key")
	r := daemontest.Start(t, auth)
	r.AwaitReady(2)
	file := k.Path("config.yaml")
	if err := os.WriteFile(file, []byte("admin: "+r.Admin+auth), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := cli(t, "status", "--config", file); code != exitDone {
		t.Errorf("status: %d %s%s", code, stdout, stderr)
	}
	if code, stdout, stderr := cli(t, "scale", "3", "--config", file); code != exitDone || stdout != "target 2 -> 3\n" {
		t.Errorf("scale: %d %s%s", code, stdout, stderr)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out daemontest.Buffer
	done := make(chan int, 1)
	go func() { done <- Run(ctx, []string{"watch", "--config", file}, &out, &out, testVersion) }()
	daemontest.Eventually(t, "a line of the watch", func() bool { return strings.Contains(out.String(), "of 3 wanted") })
	cancel()
	if code := <-done; code != exitDone {
		t.Errorf("watch: %d %s", code, out.String())
	}
	// A flag overrides the config.
	if code, _, stderr := cli(t, "status", "--config", file, "--token-file", k.Path("other-token")); code != exitFail || !strings.Contains(stderr, "the token is wrong") {
		t.Errorf("status with another token: %d %s", code, stderr)
	}

	// A new token and new certificates, one file after the other.
	for _, name := range []string{"token", "server.pem", "server.key"} {
		data, err := os.ReadFile(k.Path("other-" + name))
		if err != nil {
			t.Fatal(err)
		}
		k.Write(t, name, string(data))
	}
	daemontest.Eventually(t, "the new credentials", func() bool {
		code, _, _ := cli(t, "status", "--config", file)
		return code == exitDone
	})
	code, _, stderr := cli(t, "status", "--admin", r.Admin, "--tls-ca", k.Path("ca.pem"), "--tls-server-name", "lb.example", "--token-file", k.Path("other-token"))
	if code != exitFail || !strings.Contains(stderr, "signed by unknown authority") {
		t.Errorf("status with the old authority: %d %s", code, stderr)
	}
	for _, name := range []string{"auth.tokenFile", "auth.tls"} {
		if want := `msg="credential has changed" credential=` + name; !strings.Contains(r.Log.String(), want) {
			t.Errorf("no %s in the log", want)
		}
	}
}
