package main

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestRestart: all instances are replaced under load, and no request fails.
func TestRestart(t *testing.T) {
	withBun(t)
	r := start(t, original(t))
	r.awaitReady(2)
	before := r.pids()
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if code, body := r.get(r.url + "/slow?ms=20"); code != http.StatusOK {
						t.Errorf("GET: %d %s", code, body)
					}
				}
			}
		})
	}
	code, stdout, stderr := cli(t, "restart", "--admin", r.admin)
	close(stop)
	clients.Wait()
	if code != exitDone || !strings.HasSuffix(stdout, "2 of 2 instances replaced\n") {
		t.Errorf("restart: %d %s%s", code, stdout, stderr)
	}
	r.awaitReady(2)
	for _, pid := range r.pids() {
		if slices.Contains(before, pid) {
			t.Errorf("pid %d was not replaced", pid)
		}
	}
}

// TestRestartWithBadCode: new code that does not start replaces nothing.
func TestRestartWithBadCode(t *testing.T) {
	withBun(t)
	app, err := os.ReadFile(bunApp(t))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app.ts")
	if err := os.WriteFile(file, app, 0o600); err != nil {
		t.Fatal(err)
	}
	r := start(t, "location: "+file)
	r.awaitReady(2)
	before := r.pids()
	if err := os.WriteFile(file, []byte("throw new Error('broken')\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := cli(t, "restart", "--admin", r.admin)
	if code != exitFail || !strings.HasPrefix(stderr, "dynlb: 0 of 2 instances replaced, the others stay; the new one: exit status 1") {
		t.Errorf("restart: %d %s", code, stderr)
	}
	r.awaitReady(2)
	if after := r.pids(); !slices.Equal(before, after) {
		t.Errorf("pids %v, want %v", after, before)
	}
}
