package pebbletest

import (
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// program returns the path of pebble, an authority for tests. DYNLB_PEBBLE names one
// that is built already.
var program = sync.OnceValues(func() (string, error) {
	if path := os.Getenv("DYNLB_PEBBLE"); path != "" {
		return path, nil
	}
	module, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return "", err
	}
	command := exec.Command("go", "tool", "-modfile=tools/pebble/go.mod", "-n", "pebble") // it builds it
	command.Dir = filepath.Dir(strings.TrimSpace(string(module)))
	output, err := command.Output()
	if failure, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("%w: %s", err, failure.Stderr)
	}
	return strings.TrimSpace(string(output)), err
})

// Authority is an authority. Each start of it has forgotten what came before.
type Authority struct {
	t        testing.TB
	dir      string
	address  string
	dns      string
	Root     string        // the file of the authority that its server is trusted by
	Life     time.Duration // of its certificates
	process  *exec.Cmd
	httpPort int // where it looks for challenges
	tlsPort  int
}

// New returns an authority that is not started. It looks for challenges at the ports.
func New(t testing.TB, httpPort, tlsPort int) *Authority {
	t.Helper()
	if testing.Short() {
		t.Skip("it takes seconds")
	}
	if _, err := program(); err != nil {
		t.Fatalf("build pebble: %v", err)
	}
	p := &Authority{t: t, dir: t.TempDir(), address: FreeAddress(t), dns: serveDNS(t), Life: 90 * 24 * time.Hour, httpPort: httpPort, tlsPort: tlsPort}
	p.Root = WritePair(t, p.dir, "server", time.Now().Add(time.Hour), "127.0.0.1").Cert
	t.Cleanup(p.Stop)
	return p
}

// URL returns the URL of its directory.
func (p *Authority) URL() string { return "https://" + p.address + "/dir" }

// Start starts the authority, and waits until it answers.
func (p *Authority) Start() {
	p.t.Helper()
	config := map[string]any{"pebble": map[string]any{
		"listenAddress": p.address, "managementListenAddress": "",
		"certificate": filepath.Join(p.dir, "server.pem"), "privateKey": filepath.Join(p.dir, "server.key"),
		"httpPort": p.httpPort, "tlsPort": p.tlsPort,
		"retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles":   map[string]any{"default": map[string]any{"description": "test", "validityPeriod": int(p.Life.Seconds())}},
	}}
	content, err := json.Marshal(config)
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.dir, "config.json")
	WriteFile(p.t, path, content)
	program, _ := program()
	p.process = exec.Command(program, "-config", path, "-dnsserver", p.dns)
	p.process.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	output := &Buffer{}
	p.process.Stdout, p.process.Stderr = output, output
	if err := p.process.Start(); err != nil {
		p.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer client.CloseIdleConnections()
	Eventually(p.t, "pebble answers", func() bool {
		response, err := client.Get(p.URL())
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	})
	p.t.Cleanup(func() {
		if p.t.Failed() {
			p.t.Logf("pebble:\n%s", output)
		}
	})
}

// Stop ends the authority, if it runs.
func (p *Authority) Stop() {
	if p.process == nil {
		return
	}
	_ = p.process.Process.Kill()
	_ = p.process.Wait()
	p.process = nil
}
