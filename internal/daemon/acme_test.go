package daemon_test

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/certificates/pebbletest"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// portOf returns the port of an address.
func portOf(t *testing.T, address string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestHTTPSByACME runs the example of README.md against an authority on loopback: a
// config of domains and an address, an app that is reached by HTTPS, and a redirect. The
// authority is away at first. A second start has the certificate at once.
func TestHTTPSByACME(t *testing.T) {
	t.Parallel()
	a := newAddresses(t)
	plain := daemontest.FreeAddress(t)
	authority := pebbletest.New(t, portOf(t, plain), portOf(t, a.public))
	yaml := fmt.Sprintf("minInstances: 1\nlisten: %s\nadmin: %s\nadminHTTP: %s\n", a.public, a.admin, a.adminHTTP) +
		fmt.Sprintf("tls: {domains: [app.example.com], email: you@example.com, ca: '%s', caRoot: %s, storage: %s, redirect: '%s'}\n",
			authority.URL(), authority.Root, filepath.Join(t.TempDir(), "state"), plain)
	// The authority's own certificates are not trusted by any client.
	client := &http.Client{
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{ServerName: "app.example.com", InsecureSkipVerify: true}, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       5 * time.Second,
	}
	secure := func() (*tls.ConnectionState, error) {
		response, err := client.Get("https://" + a.public)
		if err != nil {
			return nil, err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("status %s", response.Status)
		}
		return response.TLS, response.TLS.PeerCertificates[0].VerifyHostname("app.example.com")
	}

	r := daemontest.Start(t, yaml)
	r.AwaitReady(1)
	daemontest.Eventually(t, "an error in the status", func() bool {
		c := certificates(t, r)
		return len(c) == 1 && strings.Contains(c[0].GetError(), "did not answer") && c[0].GetExpireTime() == nil
	})
	if _, err := secure(); err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("without a certificate: %v, want the alert unrecognized_name", err)
	}
	authority.Start()
	var first *tls.ConnectionState
	daemontest.Eventually(t, "the certificate", func() bool { // the next attempt is after 10 s
		var err error
		first, err = secure()
		return err == nil
	})
	response, err := client.Get("http://" + plain + "/x")
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if want := "https://" + a.public + "/x"; response.StatusCode != http.StatusPermanentRedirect || response.Header.Get("Location") != want {
		t.Errorf("plain HTTP: %s to %q, want 308 to %q", response.Status, response.Header.Get("Location"), want)
	}
	if err := r.Stop(); err != nil {
		t.Fatal(err)
	}
	authority.Stop()

	r = daemontest.Start(t, yaml)
	r.AwaitReady(1)
	second, err := secure()
	if err != nil {
		t.Fatal(err)
	}
	if first.PeerCertificates[0].SerialNumber.Cmp(second.PeerCertificates[0].SerialNumber) != 0 {
		t.Error("after a restart the certificate is another one, want the one in the storage")
	}
}
