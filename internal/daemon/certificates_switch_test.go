package daemon_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// keeper is a client that keeps its connection.
type keeper struct {
	client *http.Client
	url    string
	reused bool
}

// newKeeper returns a client of a URL, that trusts the certificates in a file.
func newKeeper(t *testing.T, url, trusted string) *keeper {
	t.Helper()
	pem, err := os.ReadFile(trusted)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: daemontest.ServerName}}
	t.Cleanup(transport.CloseIdleConnections)
	return &keeper{client: &http.Client{Transport: transport}, url: url}
}

// get sends a GET, and returns its status, or why there is none.
func (k *keeper) get(t *testing.T) string {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { k.reused = i.Reused }})
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := k.client.Do(request)
	if err != nil {
		return err.Error()
	}
	_, _ = io.Copy(io.Discard, response.Body) // or the connection is not kept
	response.Body.Close()
	return response.Status
}

// TestTLSSwitch turns TLS on and off by reloads: connections that are open go on as they
// began, new ones speak what the config says, and nothing changes if the certificate cannot
// be read.
func TestTLSSwitch(t *testing.T) {
	t.Parallel()
	keys := daemontest.NewKeys(t)
	const app = "minInstances: 1\n"
	files := fmt.Sprintf("tls: {cert: %s, key: %s}\n", keys.Path("server.pem"), keys.Path("server.key"))
	r := daemontest.Start(t, app)
	r.AwaitReady(1)
	secure := "https" + strings.TrimPrefix(r.URL, "http")
	client := func(url string) *keeper { return newKeeper(t, url, keys.Path("ca.pem")) }
	want := func(what string, k *keeper, status string, reused bool) {
		t.Helper()
		if got := k.get(t); !strings.Contains(got, status) || k.reused != reused {
			t.Errorf("%s: %s, on a reused connection: %t; want %s, %t", what, got, k.reused, status, reused)
		}
	}
	plain := client(r.URL)
	want("plain", plain, "200", false)

	r.Reload(app + "tls: {cert: missing.pem, key: missing.key}\n")
	daemontest.Eventually(t, "the reload without a certificate to fail", func() bool {
		return strings.Contains(r.Pool().GetConfigError(), "tls.cert: ")
	})
	want("plain after a reload that failed", client(r.URL), "200", false)

	r.Reload(app + files)
	daemontest.Eventually(t, "TLS", func() bool { return client(secure).get(t) == "200 OK" })
	want("the open connection", plain, "200", true)
	want("a new plain one", client(r.URL), "400", false)
	kept := client(secure)
	want("a new one of TLS", kept, "200", false)
	if c := certificates(t, r); len(c) != 1 {
		t.Errorf("certificates %v", c)
	}

	r.Reload(app)
	daemontest.Eventually(t, "no TLS", func() bool { return client(r.URL).get(t) == "200 OK" })
	want("the open connection of TLS", kept, "200", true)
	want("the open plain one", plain, "200", true)
	if c := certificates(t, r); len(c) != 0 {
		t.Errorf("certificates %v", c)
	}
	if _, metrics := r.Get(r.AdminURL + "/metrics"); !strings.Contains(metrics, "dynlb_tls_handshakes_total{") {
		t.Error("the handshakes that there were are not counted any more")
	}
}
