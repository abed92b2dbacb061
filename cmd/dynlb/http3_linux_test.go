package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	h3 "github.com/quic-go/quic-go/http3"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// overHTTP3 is a client of HTTP/3.
type overHTTP3 struct {
	http.Client
	tls     *tls.Config
	address string
}

// newHTTP3 returns a client of a dynlb at an address, which trusts the certificate in a file.
func newHTTP3(t *testing.T, address, trusted string) *overHTTP3 {
	t.Helper()
	pem, err := os.ReadFile(trusted)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	c := &overHTTP3{tls: &tls.Config{RootCAs: roots, ServerName: daemontest.ServerName}, address: address}
	over := &h3.Transport{TLSClientConfig: c.tls}
	t.Cleanup(func() { _ = over.Close() })
	c.Transport = over
	return c
}

// get sends a GET, and returns its status, or why there is none.
func (c *overHTTP3) get(path string) string {
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Within)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+c.address+path, nil)
	if err != nil {
		return err.Error()
	}
	res, err := c.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err.Error()
	}
	return res.Status
}

// refused reports whether a new client is refused, and not left without an answer.
func (c *overHTTP3) refused(t *testing.T) bool {
	t.Helper()
	config := c.tls.Clone()
	config.NextProtos = []string{h3.NextProtoH3}
	conn, err := quic.DialAddr(t.Context(), c.address, config, nil)
	if err == nil {
		_ = conn.CloseWithError(0, "")
		return false
	}
	got, ok := errors.AsType[*quic.TransportError](err)
	if !ok || got.ErrorCode != quic.ConnectionRefused {
		t.Errorf("a new client got %v", err)
	}
	return ok
}

// spawnHTTP3 runs a dynlb with HTTP/3, and returns a client of it.
func spawnHTTP3(t *testing.T) (*dynlbProcess, *overHTTP3) {
	t.Helper()
	keys, at := daemontest.NewKeys(t), daemontest.FreeAddress(t)
	yaml := fmt.Sprintf("minInstances: 2\nmaxInstances: 2\nlisten: %s\n", at)
	p := spawn(t, yaml)
	p.write(yaml + fmt.Sprintf("tls: {cert: %s, key: %s, http3: true}\n", keys.Path("server.pem"), keys.Path("server.key")))
	daemontest.Eventually(t, "HTTP/3", func() bool { return strings.Contains(p.log.String(), `"serving HTTP/3"`) })
	c := newHTTP3(t, at, keys.Path("ca.pem"))
	if got := c.get("/"); got != "200 OK" {
		t.Fatalf("over HTTP/3: %s; log: %s", got, p.log)
	}
	return p, c
}

// TestHTTP3Upgrade: while the worker before finishes its requests of HTTP/3, new clients are
// refused, so that they use TCP. Then the next worker serves HTTP/3.
func TestHTTP3Upgrade(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p, c := spawnHTTP3(t)
	slow := make(chan string, 1)
	go func() { slow <- c.get("/slow?ms=2000") }()
	daemontest.Eventually(t, "the slow request", func() bool {
		_, output := p.run("status")
		return strings.Contains(output, ", 1 in flight,")
	})
	if code, output := p.upgrade(); code != 0 {
		t.Fatalf("upgrade: exit code %d, %s", code, output)
	}
	daemontest.Eventually(t, "new clients to be refused", func() bool { return c.refused(t) })
	if got := <-slow; got != "200 OK" {
		t.Errorf("the request in flight: %s", got)
	}
	daemontest.Eventually(t, "HTTP/3 of the next worker", func() bool { return strings.Count(p.log.String(), `"serving HTTP/3"`) == 2 })
	if got := c.get("/"); got != "200 OK" {
		t.Errorf("after the upgrade: %s", got)
	}
}

// TestHTTP3WorkerKilled: a client of HTTP/3 learns from the next worker that the one with its
// connection is gone.
func TestHTTP3WorkerKilled(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p, c := spawnHTTP3(t)
	if code, output := p.run("status"); code != 0 { // which takes longer than the first saving of the state
		t.Errorf("status: %s", output)
	}
	if err := syscall.Kill(p.commands("worker")[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "HTTP/3 of the next worker", func() bool { return strings.Count(p.log.String(), `"serving HTTP/3"`) == 2 })
	begun := time.Now()
	first := c.get("/") // on the connection that is gone
	if took := time.Since(begun); took > 20*time.Second || first != "200 OK" && !strings.Contains(first, "stateless reset") {
		t.Errorf("%s after %v", first, took)
	}
	if got := c.get("/"); got != "200 OK" {
		t.Errorf("again: %s", got)
	}
}
