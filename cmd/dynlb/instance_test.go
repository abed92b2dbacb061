package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
)

// TestRecycle: instances that have served their share are replaced, and no request
// notices.
func TestRecycle(t *testing.T) {
	withBun(t)
	r := start(t, original(t)+"maxRequests: 200\n")
	r.awaitReady(2)
	first := map[string]bool{}
	for _, in := range r.pool().GetInstances() {
		first[in.GetId()] = true
	}
	traffic := startLoad(t, 8, r.url, "/")
	eventually(t, "other instances", func() bool {
		for _, in := range r.pool().GetInstances() {
			if first[in.GetId()] {
				return false
			}
		}
		return r.ready() >= 2
	})
	traffic.stop()
	if got := r.pool().GetRestarts(); got != 0 {
		t.Errorf("%d restarts: nothing failed", got)
	}
}

// TestUsage: what an instance uses shows in the status, on the command line and
// in the metrics.
func TestUsage(t *testing.T) {
	withBun(t)
	r := start(t, original(t))
	r.awaitReady(2)
	eventually(t, "usage of both", func() bool {
		for _, in := range r.pool().GetInstances() {
			// Bun takes some 30 MiB and some 20 ms to start.
			if in.GetMemoryBytes() < 1<<20 || in.GetMemoryBytes() > 1<<30 || in.GetCpuTime().AsDuration() <= 0 {
				return false
			}
		}
		return true
	})
	if _, out, _ := cli(t, "status", "--admin", r.admin); strings.Count(out, " MiB") != 2 || strings.Count(out, "%") != 2 {
		t.Errorf("dynlb status: %s", out)
	}
	_, metrics := r.get(r.adminURL + "/metrics")
	for _, want := range []string{"dynlb_instance_memory_bytes", "dynlb_instance_cpu_seconds_total"} {
		if series := fmt.Sprintf("\n%s{port=\"%d\"} ", want, r.basePort); !strings.Contains(metrics, series) {
			t.Errorf("the metrics lack %s", series)
		}
	}
}

// TestUser: as root, instances run as the user that the config names, and cannot
// read what only root may. As anybody else, dynlb says that it takes root.
func TestUser(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, folder := range []string{dir, filepath.Dir(dir)} { // that of the test is root's alone
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, app := filepath.Join(dir, "bun"), filepath.Join(dir, "app.ts")
	for from, to := range map[string]string{filepath.Join(bun(t), "bun"): program, bunApp(t): app} {
		if err := copyFile(from, to); err != nil {
			t.Fatal(err)
		}
	}
	yaml := fmt.Sprintf("location: %s\nworkDir: %s\nuser: nobody\ncommand: [%s, run, '{location}', --port, '{port}']\n", app, dir, program)
	if os.Geteuid() != 0 {
		settings, err := config.Parse("config.yaml", []byte(yaml), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newPlan(settings); err == nil || !strings.Contains(err.Error(), "run as root") {
			t.Errorf("newPlan as %d: %v", os.Geteuid(), err)
		}
		return
	}
	r := start(t, yaml)
	r.awaitReady(2)
	for _, pid := range r.pids() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if want := fmt.Sprintf("\nUid:\t%[1]s\t%[1]s\t%[1]s\t%[1]s\n", nobody.Uid); err != nil || !strings.Contains(string(status), want) {
			t.Errorf("instance %d does not run as nobody: %v\n%s", pid, err, status)
		}
	}
	if code, body := r.get(r.url + "/"); code != http.StatusOK {
		t.Errorf("GET /: %d %s", code, body)
	}
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	defer out.Close()
	_, err = io.Copy(out, in)
	return err
}

// TestRecycleInVain: instances that use more than maxMemory from the start are not
// replaced for ever, and a pool that is idle scales to zero in spite of it.
func TestRecycleInVain(t *testing.T) {
	r := start(t, "minInstances: 0\nmaxMemory: 1MiB\ncheckInterval: 500ms\nidleTimeout: 2s\n")
	if code, body := r.get(r.url + "/"); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	eventually(t, "no instance", func() bool { return len(r.pool().GetInstances()) == 0 })
	log := r.log.String()
	if got := strings.Count(log, "instance starting"); got != 2 {
		t.Errorf("%d starts, want the first and the one in its place", got)
	}
	if !strings.Contains(log, "it is too low for this app") {
		t.Errorf("the log does not say why: %s", log)
	}
}
