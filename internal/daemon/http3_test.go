package daemon_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	h3 "github.com/quic-go/quic-go/http3"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// client3 returns a client of HTTP/3, which trusts the certificates in a file.
func client3(t *testing.T, trusted string) *http.Client {
	t.Helper()
	c := newKeeper(t, "", trusted).client
	over := &h3.Transport{TLSClientConfig: c.Transport.(*http.Transport).TLSClientConfig}
	t.Cleanup(func() { _ = over.Close() })
	return &http.Client{Transport: over}
}

// status3 sends a GET, and returns its status, or why there is none, and the value of
// Alt-Svc.
func status3(t *testing.T, c *http.Client, url string) (status, altSvc string) {
	t.Helper()
	response, err := c.Get(url)
	if err != nil {
		return err.Error(), ""
	}
	_, _ = io.Copy(io.Discard, response.Body) // or the connection is not kept
	_ = response.Body.Close()
	return response.Status, response.Header.Get("Alt-Svc")
}

// TestHTTP3Switch turns HTTP/3 on and off by reloads. Responses tell of it while it is on,
// connections of TCP stay, and nothing changes if the UDP port is in use.
func TestHTTP3Switch(t *testing.T) {
	t.Parallel()
	keys := daemontest.NewKeys(t)
	const app = "minInstances: 1\n"
	with := func(http3 bool) string {
		return app + fmt.Sprintf("tls: {cert: %s, key: %s, http3: %t}\n", keys.Path("server.pem"), keys.Path("server.key"), http3)
	}
	r := daemontest.Start(t, with(true))
	r.AwaitReady(1)
	secure := "https" + strings.TrimPrefix(r.URL, "http")
	overTCP := newKeeper(t, secure, keys.Path("ca.pem"))
	offered := func() string {
		t.Helper()
		status, offer := status3(t, overTCP.client, secure)
		if status != "200 OK" {
			t.Errorf("over TCP: %s", status)
		}
		return offer
	}
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(r.URL, "http://"))
	if want := fmt.Sprintf(`h3=":%s"; ma=86400`, port); offered() != want {
		t.Errorf("Alt-Svc %q, want %q", offered(), want)
	}
	if got, _ := status3(t, client3(t, keys.Path("ca.pem")), secure); got != "200 OK" {
		t.Errorf("over HTTP/3: %s", got)
	}
	metric := func(want bool) {
		t.Helper()
		if _, metrics := r.Get(r.AdminURL + "/metrics"); strings.Contains(metrics, "\ndynlb_http3_serving 1\n") != want {
			t.Errorf("the metric of HTTP/3 is there: %t, want %t", !want, want)
		}
	}
	metric(true)

	r.Reload(with(false))
	daemontest.Eventually(t, "no offer", func() bool { return offered() == "" })
	metric(false)
	var other net.PacketConn
	daemontest.Eventually(t, "the port to be free", func() bool {
		var err error
		other, err = net.ListenPacket("udp", "127.0.0.1:"+port)
		return err == nil
	})
	r.Reload(with(true))
	daemontest.Eventually(t, "the reload with a port in use to fail", func() bool {
		why := r.Pool().GetConfigError()
		return strings.Contains(why, "tls.http3: ") && strings.Contains(why, "bind: address already in use (process ")
	})
	if offered() != "" {
		t.Error("HTTP/3 is offered after a reload that failed")
	}
	_ = other.Close()
	r.Reload(with(true) + "# changed\n")
	daemontest.Eventually(t, "the offer", func() bool { return offered() != "" })
	if got, _ := status3(t, client3(t, keys.Path("ca.pem")), secure); got != "200 OK" {
		t.Errorf("over HTTP/3 again: %s", got)
	}
	overTCP.get(t)
	if !overTCP.reused {
		t.Error("the connection of TCP has not stayed")
	}

	r.Reload(app)
	daemontest.Eventually(t, "no TLS", func() bool { return newKeeper(t, r.URL, keys.Path("ca.pem")).get(t) == "200 OK" })
	metric(false)
}

// TestHTTP3OffAndOn: a listener that has a request yet when it is turned off is waited for when
// it is turned on again.
func TestHTTP3OffAndOn(t *testing.T) {
	t.Parallel()
	keys := daemontest.NewKeys(t)
	yaml := func(http3 bool) string {
		return fmt.Sprintf("minInstances: 1\ntls: {cert: %s, key: %s, http3: %t}\n", keys.Path("server.pem"), keys.Path("server.key"), http3)
	}
	r := daemontest.Start(t, yaml(true))
	r.AwaitReady(1)
	secure := "https" + strings.TrimPrefix(r.URL, "http")
	slow := make(chan string, 1)
	c := client3(t, keys.Path("ca.pem"))
	go func() {
		status, _ := status3(t, c, secure+"/slow?ms=1500")
		slow <- status
	}()
	daemontest.Eventually(t, "the slow request", func() bool { return r.Pool().GetInstances()[0].GetInFlight() == 1 })
	reloads := func() int { return strings.Count(r.Log.String(), "config reloaded") }
	r.Reload(yaml(false))
	daemontest.Eventually(t, "HTTP/3 to be off", func() bool { return reloads() == 1 })
	r.Reload(yaml(true))
	daemontest.Eventually(t, "HTTP/3 to be waited for", func() bool { return strings.Contains(r.Log.String(), "HTTP/3 begins when") })
	if got := <-slow; got != "200 OK" {
		t.Errorf("the request in flight: %s", got)
	}
	daemontest.Eventually(t, "HTTP/3", func() bool { return strings.Count(r.Log.String(), "serving HTTP/3") == 2 })
	if got, _ := status3(t, client3(t, keys.Path("ca.pem")), secure); got != "200 OK" {
		t.Errorf("over HTTP/3 again: %s", got)
	}
}

// TestHTTP3Move: the listener for HTTP/3 moves with the public one, also to another host of
// the same port, which the one before still has.
func TestHTTP3Move(t *testing.T) {
	t.Parallel()
	keys := daemontest.NewKeys(t)
	at := daemontest.FreeAddress(t)
	_, port, _ := net.SplitHostPort(at)
	yaml := func(listen string) string {
		return fmt.Sprintf("minInstances: 1\nlisten: %q\ntls: {cert: %s, key: %s, http3: true}\n", listen, keys.Path("server.pem"), keys.Path("server.key"))
	}
	r := daemontest.Start(t, yaml(at))
	r.AwaitReady(1)
	kept := client3(t, keys.Path("ca.pem"))
	if got, _ := status3(t, kept, "https://"+at); got != "200 OK" {
		t.Errorf("over HTTP/3: %s", got)
	}
	r.Reload(yaml("0.0.0.0:" + port))
	daemontest.Eventually(t, "HTTP/3 at the other host", func() bool {
		return strings.Contains(r.Log.String(), "HTTP/3 begins when") && strings.Count(r.Log.String(), "serving HTTP/3") == 2
	})
	if got, _ := status3(t, client3(t, keys.Path("ca.pem")), "https://127.0.0.2:"+port); got != "200 OK" {
		t.Errorf("over HTTP/3 at the other host: %s", got)
	}
	if got, _ := status3(t, kept, "https://"+at); got != "200 OK" {
		t.Errorf("over HTTP/3 again: %s", got)
	}
}
