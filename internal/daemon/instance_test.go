package daemon_test

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
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestRecycle: instances that have served maxRequests are replaced without a failed
// request.
func TestRecycle(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t)+"maxRequests: 200\n")
	r.AwaitReady(2)
	first := map[string]bool{}
	for _, in := range r.Pool().GetInstances() {
		first[in.GetId()] = true
	}
	traffic := daemontest.StartLoad(t, 8, r.URL, "/")
	daemontest.Eventually(t, "other instances", func() bool {
		for _, in := range r.Pool().GetInstances() {
			if first[in.GetId()] {
				return false
			}
		}
		return r.Ready() >= 2
	})
	traffic.Stop()
	if got := r.Pool().GetRestarts(); got != 0 {
		t.Errorf("%d restarts: nothing failed", got)
	}
}

// TestUsage: the status, the command line and the metrics show the memory and CPU
// time of each instance.
func TestUsage(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	daemontest.Eventually(t, "usage of both", func() bool {
		for _, in := range r.Pool().GetInstances() {
			// Bun takes some 30 MiB and some 20 ms to start.
			if in.GetMemoryBytes() < 1<<20 || in.GetMemoryBytes() > 1<<30 || in.GetCpuTime().AsDuration() <= 0 {
				return false
			}
		}
		return true
	})
	if _, out, _ := run(t, "status", "--admin", r.Admin); strings.Count(out, " MiB") != 2 || strings.Count(out, "%") != 2 {
		t.Errorf("dynlb status: %s", out)
	}
	_, metrics := r.Get(r.AdminURL + "/metrics")
	for _, in := range r.Pool().GetInstances() {
		labels := fmt.Sprintf(`{app="default",instance_id=%q,port=%q} `, in.GetId(), strings.TrimPrefix(in.GetAddress(), "127.0.0.1:"))
		for _, want := range []string{"dynlb_instance_memory_bytes", "dynlb_instance_cpu_seconds_total"} {
			if !strings.Contains(metrics, "\n"+want+labels) {
				t.Errorf("the metrics lack %s%s", want, labels)
			}
		}
	}
}

// TestUser: if dynlb runs as root, instances run as the user of the config. If not,
// the error says that root is needed.
func TestUser(t *testing.T) {
	t.Parallel()
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, folder := range []string{dir, filepath.Dir(dir)} { // only root may enter the folder of the test
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program, app := filepath.Join(dir, "bun"), filepath.Join(dir, "app.ts")
	for from, to := range map[string]string{daemontest.Bun(t): program, daemontest.BunApp(t): app} {
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
		if err := daemon.Check(settings); err == nil || !strings.Contains(err.Error(), "run as root") {
			t.Errorf("Check as %d: %v", os.Geteuid(), err)
		}
		return
	}
	r := daemontest.Start(t, yaml)
	r.AwaitReady(2)
	for _, pid := range r.PIDs() {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if want := fmt.Sprintf("\nUid:\t%[1]s\t%[1]s\t%[1]s\t%[1]s\n", nobody.Uid); err != nil || !strings.Contains(string(status), want) {
			t.Errorf("instance %d does not run as the user: %v\n%s", pid, err, status)
		}
	}
	if code, body := r.Get(r.URL + "/"); code != http.StatusOK {
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

// TestRecycleInVain: instances that exceed maxMemory from the start are not replaced
// without end, and an idle app still scales to zero.
func TestRecycleInVain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := daemontest.Start(t, "minInstances: 0\nmaxMemory: 1MiB\ncheckInterval: 500ms\nidleTimeout: 2s\n")
	if code, body := r.Get(r.URL + "/"); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	daemontest.Eventually(t, "the reason", func() bool {
		r.Get(r.URL + "/") // it is not idle
		return strings.Contains(r.Log.String(), "it is too low for this app")
	})
	daemontest.Eventually(t, "no instance", func() bool { return len(r.Pool().GetInstances()) == 0 })
	log := r.Log.String()
	if got := strings.Count(log, "instance starting"); got != 2 {
		t.Errorf("%d starts, want the first instance and its replacement", got)
	}
}
