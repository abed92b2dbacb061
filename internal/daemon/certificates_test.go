package daemon_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// secureGet sends a GET to the public port of r by HTTPS. The client trusts the
// certificates in a file only, and names host.
func secureGet(t *testing.T, r *daemontest.Running, trusted, host string) (*http.Response, error) {
	t.Helper()
	pem, err := os.ReadFile(trusted)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: host}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), "GET", "https"+strings.TrimPrefix(r.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := transport.RoundTrip(request)
	if err == nil {
		response.Body.Close()
	}
	return response, err
}

// certificates returns what the status says of certificates.
func certificates(t *testing.T, r *daemontest.Running) []*dynlbv1.Certificate {
	t.Helper()
	response, err := r.Client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return response.GetCertificates()
}

// TestHTTPS serves HTTPS with a certificate from files, which are replaced by others and
// by broken ones. The status and the metrics tell of it.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	keys := daemontest.NewKeys(t)
	r := daemontest.Start(t, fmt.Sprintf("minInstances: 1\ntls: {cert: %s, key: %s}\n",
		keys.Path("server.pem"), keys.Path("server.key")))
	r.AwaitReady(1)
	response, err := secureGet(t, r, keys.Path("ca.pem"), daemontest.ServerName)
	if err != nil || response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		t.Fatalf("response %+v, error %v, want 200 over HTTP/2", response, err)
	}
	replace := func(file, by string) {
		content, err := os.ReadFile(keys.Path(by))
		if err != nil {
			t.Fatal(err)
		}
		keys.Write(t, file, string(content))
	}
	replace("server.key", "other-server.key")
	replace("server.pem", "other-server.pem")
	daemontest.Eventually(t, "the other certificate", func() bool {
		_, err := secureGet(t, r, keys.Path("other-ca.pem"), daemontest.ServerName)
		return err == nil
	})
	keys.Write(t, "server.key", "half")
	daemontest.Eventually(t, "an error in the status", func() bool {
		c := certificates(t, r)
		return len(c) == 1 && c[0].GetName() == daemontest.ServerName && strings.HasPrefix(c[0].GetError(), "tls.cert: ")
	})
	if _, err := secureGet(t, r, keys.Path("other-ca.pem"), daemontest.ServerName); err != nil {
		t.Errorf("with broken files: %v, want the previous certificate", err)
	}
	_, metrics := r.Get(r.AdminURL + "/metrics")
	if want := fmt.Sprintf("dynlb_certificate_error{name=%q,source=\"file\"} 1\n", daemontest.ServerName); !strings.Contains(metrics, want) {
		t.Errorf("the metrics do not have %s", want)
	}
}

// TestHTTPSReload changes where certificates come from and the listener for plain HTTP.
// A config whose certificate cannot be read is not put in force.
func TestHTTPSReload(t *testing.T) {
	t.Parallel()
	keys, state, plain := daemontest.NewKeys(t), filepath.Join(t.TempDir(), "state"), daemontest.FreeAddress(t)
	const app = "minInstances: 1\n"
	files := fmt.Sprintf("tls: {cert: %s, key: %s}\n", keys.Path("server.pem"), keys.Path("server.key"))
	r := daemontest.Start(t, app+files)
	r.AwaitReady(1)

	r.Reload(app + fmt.Sprintf("tls: {internal: true, storage: %s, redirect: '%s'}\n", state, plain))
	noFollow := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer noFollow.CloseIdleConnections()
	redirects := func() bool {
		response, err := noFollow.Get("http://" + plain + "/a?b")
		if err != nil {
			return false
		}
		response.Body.Close()
		want := "https" + strings.TrimPrefix(r.URL, "http") + "/a?b"
		return response.StatusCode == http.StatusPermanentRedirect && response.Header.Get("Location") == want
	}
	daemontest.Eventually(t, "a redirect to HTTPS", redirects)
	for _, host := range []string{"localhost", "app.test"} {
		if _, err := secureGet(t, r, filepath.Join(state, "internal", "root.crt"), host); err != nil {
			t.Errorf("%s: %v, want a certificate of the internal authority", host, err)
		}
	}

	r.Reload(app + "tls: {cert: missing.pem, key: missing.key}\n")
	daemontest.Eventually(t, "the reload without a certificate to fail", func() bool {
		return strings.Contains(r.Pool().GetConfigError(), "tls.cert: ")
	})
	if !redirects() {
		t.Error("the listener for plain HTTP is gone after a reload that failed")
	}

	r.Reload(app + files)
	daemontest.Eventually(t, "the certificate from files, and HTTP/2", func() bool {
		response, err := secureGet(t, r, keys.Path("ca.pem"), daemontest.ServerName)
		return err == nil && response.ProtoMajor == 2 && !redirects()
	})
	r.Reload(app + strings.Replace(files, "}", ", http2: false}", 1))
	daemontest.Eventually(t, "HTTP/1.1 alone", func() bool {
		response, err := secureGet(t, r, keys.Path("ca.pem"), daemontest.ServerName)
		return err == nil && response.ProtoMajor == 1
	})
	if response, err := noFollow.Get("http://" + plain); err == nil {
		response.Body.Close()
		t.Error("the listener for plain HTTP is still open")
	}
}

// TestHTTPSStart refuses to start when the storage cannot be written: what keeps the
// first certificate away should be seen at once.
func TestHTTPSStart(t *testing.T) {
	t.Parallel()
	file := daemontest.NewKeys(t).Path("token")
	yaml := fmt.Sprintf("tls: {internal: true, storage: %s/x}\n", file)
	settings, err := config.Parse("config.yaml", []byte(daemontest.Complete(yaml, 1)), t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = daemon.New(daemon.Options{Config: settings, Log: slog.New(slog.DiscardHandler)})
	if err == nil || !strings.Contains(err.Error(), "tls.internal: ") || strings.Contains(err.Error(), "\n") {
		t.Errorf("error %v, want one line with the key", err)
	}
}
