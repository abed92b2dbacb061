package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// serveWithFiles starts dynlb, which may have 200 files open, and stops it at the end
// of the test.
func serveWithFiles(t *testing.T, yaml string) (url string, log *daemontest.Buffer) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	yaml = daemontest.Complete(yaml, daemontest.PortRange(t))
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log = &daemontest.Buffer{}
	cmd := exec.Command("sh", "-c", `ulimit -n 200 && exec "$0" serve --config "$1"`, self, file)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=2") // each has an event loop
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Errorf("%v: %s", err, log)
		}
	})
	daemontest.Eventually(t, "it serves", func() bool {
		for line := range strings.Lines(log.String()) {
			var entry struct{ Msg, Listen string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
				url = "http://" + entry.Listen
			}
		}
		return url != ""
	})
	return url, log
}

// TestFewOpenFiles: with a low limit of open files, clients above the limit wait. None
// is refused, health checks do not fail, and the app scales up.
func TestFewOpenFiles(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	const clients = 150
	url, log := serveWithFiles(t, "maxInstances: 4\ncheckInterval: 200ms\nhealthTimeout: 20s\n") // without files a check fails at once
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range 2 {
				response, err := client.Get(url + "/slow?ms=300")
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Errorf("%d %s", response.StatusCode, body)
				}
			}
		})
	}
	all.Wait()
	for _, unwanted := range []string{"too many open files", "health check failed", "instance failed"} {
		if strings.Contains(log.String(), unwanted) {
			t.Errorf("the log has %q", unwanted)
		}
	}
	for _, want := range []string{`"to":4`, "the limit of open files is low"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}
