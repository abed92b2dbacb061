package daemon_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestExposedListenerDoesNotStart: a control listener off loopback without
// credentials is a usage error, in one line that says what is missing.
func TestExposedListenerDoesNotStart(t *testing.T) {
	k := daemontest.NewKeys(t)
	t.Chdir(t.TempDir())
	for _, c := range []struct{ yaml, want string }{
		{"admin: 0.0.0.0:4001", "config.yaml:1: admin: is off loopback, where others can reach it; set auth.tls.cert, auth.tls.key and auth.tokenFile (or auth.tls.clientCA), or listen on 127.0.0.1:4001; got 0.0.0.0:4001\n"},
		{"adminHTTP: :4002", "config.yaml:1: adminHTTP: is off loopback, where others can reach it; set auth.tls.cert, auth.tls.key and auth.tokenFile (or auth.tls.clientCA), or listen on 127.0.0.1:4002; got :4002\n"},
		{"admin: :4001" + k.YAML("tokenFile"), "config.yaml:1: admin: is off loopback, where others can reach it; set auth.tls.cert and auth.tls.key, or listen on 127.0.0.1:4001; got :4001\n"},
		{"admin: :4001" + k.YAML("cert", "key"), "config.yaml:1: admin: is off loopback, where others can reach it; set auth.tokenFile (or auth.tls.clientCA), or listen on 127.0.0.1:4001; got :4001\n"},
	} {
		if err := os.WriteFile("config.yaml", []byte(c.yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"serve", "check"} {
			if code, stdout, stderr := run(t, command); code != 2 || stderr != c.want {
				t.Errorf("%s with %s: %d %s%s\nwant %s", command, c.yaml, code, stdout, stderr, c.want)
			}
		}
	}
	for _, proof := range []string{"tokenFile", "clientCA"} {
		if err := os.WriteFile("config.yaml", []byte("admin: :4001\nadminHTTP: :4002"+k.YAML("cert", "key", proof)), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := run(t, "check"); code != 0 {
			t.Errorf("check with %s: %d %s", proof, code, stderr)
		}
	}
}

// TestAuditNamesTheCertificate: the audit line of ScaleTo names the client's
// certificate.
func TestAuditNamesTheCertificate(t *testing.T) {
	t.Parallel()
	k := daemontest.NewKeys(t)
	r := daemontest.Start(t, k.YAML("cert", "key", "clientCA"), k.Certificate(t, "client"))
	r.AwaitReady(2)
	three := int32(3)
	if _, err := r.Client.ScaleTo(t.Context(), &dynlbv1.ScaleToRequest{Target: &three}); err != nil {
		t.Fatal(err)
	}
	if want := "msg=ScaleTo peer=\"127.0.0.1:"; !strings.Contains(r.Log.String(), want) || !strings.Contains(r.Log.String(), `(CN=client)" old=2 new=3`) {
		t.Errorf("the log has no audit line: %s", r.Log.String())
	}
}

// TestClientCAIsFollowed: when an authority is removed from clientCA, its clients are
// denied, also on existing connections.
func TestClientCAIsFollowed(t *testing.T) {
	t.Parallel()
	k := daemontest.NewKeys(t)
	r := daemontest.Start(t, k.YAML("cert", "key", "clientCA"), k.Certificate(t, "client"))
	r.AwaitReady(2)
	other, err := os.ReadFile(k.Path("other-ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	k.Write(t, "ca.pem", string(other))
	daemontest.Eventually(t, "the denial of the client", func() bool {
		_, err := r.Client.GetStatus(t.Context(), &dynlbv1.GetStatusRequest{})
		return status.Code(err) == codes.Unauthenticated
	})
}

// TestAdminHTTPRequiresToken: admin HTTP requires the same token as gRPC, and the
// public port requires none.
func TestAdminHTTPRequiresToken(t *testing.T) {
	t.Parallel()
	k := daemontest.NewKeys(t)
	r := daemontest.Start(t, k.YAML("tokenFile", "cert", "key"))
	r.AwaitReady(2)
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(k.Path("ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	pool.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "lb.example"}}}
	defer client.CloseIdleConnections()
	for _, c := range []struct {
		path, authorization string
		want                int
	}{
		{"/v1/status", "", 401},
		{"/v1/status", "Bearer " + daemontest.Token[1:], 401},
		{"/v1/status", "Bearer " + daemontest.Token, 200},
		{"/lb-status", "", 401},
		{"/metrics", "", 401},
		{"/healthz", "", 200},
		{"/readyz", "", 200},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.Replace(r.AdminURL, "http:", "https:", 1)+c.path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", c.authorization)
		response, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s with %q: %s %s", c.path, c.authorization, response.Status, body)
		}
	}
	if code, body := r.Get(r.URL + "/lb-status"); code != http.StatusOK {
		t.Errorf("the public /lb-status: %d %s", code, body)
	}
}

// TestTokenStaysSecret: the token is not in the environment, the arguments or the
// open files of an instance, and not in the log, the status or the metrics.
func TestTokenStaysSecret(t *testing.T) {
	t.Parallel()
	k := daemontest.NewKeys(t)
	r := daemontest.Start(t, k.YAML("tokenFile"))
	r.AwaitReady(2)
	_, stdout, stderr := run(t, "scale", "3", "--admin", r.Admin, "--token-file", k.Path("token"))
	r.AwaitReady(3)
	seen := map[string]string{"output of scale": stdout + stderr, "status": r.Pool().String()}
	for _, pid := range r.PIDs() {
		for _, name := range []string{"environ", "cmdline"} {
			data, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
			if err != nil {
				t.Fatal(err)
			}
			seen[fmt.Sprintf("%s of %d", name, pid)] = string(data)
		}
		open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			t.Fatal(err)
		}
		for _, fd := range open {
			if target, _ := os.Readlink(fd); strings.HasPrefix(target, k.Dir) {
				t.Errorf("%s is %s", fd, target)
			}
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.AdminURL+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+daemontest.Token)
	response, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("/metrics: %s %v", response.Status, err)
	}
	seen["metrics"] = string(metrics)
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	seen["log"] = r.Log.String()
	for where, text := range seen {
		if strings.Contains(text, daemontest.Token) {
			t.Errorf("the token is in the %s:\n%s", where, text)
		}
	}
}
