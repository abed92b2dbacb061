package daemon_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestReload: no request fails while the config changes, and an invalid config
// changes nothing.
func TestReload(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	traffic := daemontest.StartLoad(t, 8, r.URL, "/")

	more := strings.Replace(daemontest.Original(t), "minInstances: 2", "minInstances: 3", 1)
	r.Reload(more)
	r.AwaitReady(3)
	before := r.PIDs()

	r.Reload(more + "env: {GREETING: hello}\n")
	daemontest.Eventually(t, "three new instances", func() bool {
		if r.Ready() != 3 {
			return false
		}
		now := r.PIDs()
		return len(now) == 3 && !slices.ContainsFunc(now, func(pid int) bool { return slices.Contains(before, pid) })
	})
	for _, pid := range r.PIDs() {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		if err != nil || !strings.Contains(string(environ), "\x00GREETING=hello\x00") {
			t.Errorf("environment of %d lacks the variable (%v)", pid, err)
		}
	}

	r.Reload(more + "env: {GREETING: hello}\nrequestTimeout: 2s\n")
	daemontest.Eventually(t, "the new requestTimeout", func() bool {
		code, _ := r.Get(r.URL + "/slow?ms=20000")
		return code == http.StatusGatewayTimeout
	})
	kept := r.PIDs()

	const wrong = "scaleUpThreshold: much\n"
	r.Reload(wrong)
	const want = `config.yaml:1: scaleUpThreshold: must be a number, 0 or more; got "much"`
	daemontest.Eventually(t, "the error in the status", func() bool { return r.Pool().GetConfigError() == want })
	if _, metrics := r.Get(r.AdminURL + "/metrics"); !strings.Contains(metrics, "\ndynlb_config_last_reload_successful 0\n") {
		t.Error("the metrics do not report the failure")
	}
	if !strings.Contains(r.Log.String(), "must be a number, 0 or more") {
		t.Error("the log does not report the failure")
	}
	if code, out, _ := run(t, "status", "--admin", r.Admin); code != 0 || !strings.Contains(out, "config reload failed: "+want) {
		t.Errorf("dynlb status does not report the failure: %s", out)
	}
	if got := r.PIDs(); !slices.Equal(got, kept) || r.Pool().GetMinInstances() != 3 {
		t.Errorf("instances %v, want %v; at least %d", got, kept, r.Pool().GetMinInstances())
	}

	r.Reload(daemontest.Original(t))
	daemontest.Eventually(t, "the config reloaded", func() bool { p := r.Pool(); return p.GetConfigError() == "" && p.GetMinInstances() == 2 })
	traffic.Stop()
	r.AwaitReady(2)
}

// TestReloadThatFailsLeavesNothing: a reload that fails after it has built a control
// plane leaves no listener of it open. TestMain checks that it leaves no goroutine.
func TestReloadThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	k := daemontest.NewKeys(t)
	r := daemontest.Start(t, "")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	admin := daemontest.FreeAddress(t)
	yaml := fmt.Sprintf("listen: %s\nadmin: %s\n%s", taken.Addr(), admin, k.YAML("tokenFile"))
	for i := range 3 {
		r.Reload(yaml)
		daemontest.Eventually(t, "the failure of the reload", func() bool {
			return strings.Count(r.Log.String(), "config reload failed, keeping the previous config") == i+1
		})
	}
	// A process of another test has the socket too, between fork and exec.
	daemontest.Eventually(t, admin+" closed", func() bool {
		conn, err := net.Dial("tcp", admin)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	if problem := r.Pool().GetConfigError(); !strings.Contains(problem, "address already in use") {
		t.Errorf("the status says %q", problem)
	}
}
