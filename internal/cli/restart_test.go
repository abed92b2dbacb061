package cli

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestRestart: all instances are replaced under load, and no request fails.
func TestRestart(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	before := r.PIDs()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if code, body := r.Get(r.URL + "/slow?ms=20"); code != http.StatusOK {
						t.Errorf("GET: %d %s", code, body)
					}
				}
			}
		})
	}
	code, stdout, stderr := cli(t, "restart", "--admin", r.Admin)
	close(stop)
	clients.Wait()
	if code != exitDone || !strings.HasSuffix(stdout, "2 of 2 instances replaced\n") {
		t.Errorf("restart: %d %s%s", code, stdout, stderr)
	}
	r.AwaitReady(2)
	for _, pid := range r.PIDs() {
		if slices.Contains(before, pid) {
			t.Errorf("pid %d was not replaced", pid)
		}
	}
}

// TestRestartWithBadCode: new code that does not start replaces no instance.
func TestRestartWithBadCode(t *testing.T) {
	t.Parallel()
	app, err := os.ReadFile(daemontest.BunApp(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app.ts")
	if err := os.WriteFile(file, app, 0o600); err != nil {
		t.Fatal(err)
	}
	r := daemontest.Start(t, "location: "+file)
	r.AwaitReady(2)
	before := r.PIDs()
	if err := os.WriteFile(file, []byte("throw new Error('broken')\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := cli(t, "restart", "--admin", r.Admin)
	if code != exitFail || !strings.HasPrefix(stderr, "dynlb: 0 of 2 instances replaced, the others stay; the new one: exit status 1") {
		t.Errorf("restart: %d %s", code, stderr)
	}
	r.AwaitReady(2)
	if after := r.PIDs(); !slices.Equal(before, after) {
		t.Errorf("pids %v, want %v", after, before)
	}
}
