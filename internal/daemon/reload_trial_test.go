package daemon_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestReloadThatCannotStart: new instances that do not start replace none, no key of
// their config is in force, and the status says why.
func TestReloadThatCannotStart(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	before := r.PIDs()
	traffic := daemontest.StartLoad(t, 4, r.URL, "/")
	other := newAddresses(t)
	wrong := strings.Replace(daemontest.Original(t), "minInstances: 2", "minInstances: 3", 1) +
		"command: [sh, -c, 'echo broken >&2; exit 3']\nrequestTimeout: 50ms\nmaxConcurrency: 1\nstatus: false\n" +
		fmt.Sprintf("listen: %s\nadmin: %s\nadminHTTP: %s\n", other.public, other.admin, other.adminHTTP)
	r.Reload(wrong)
	daemontest.Eventually(t, "the error in the status", func() bool {
		return r.Pool().GetConfigError() == "0 of 2 instances replaced, the others stay; the new one: exit status 3: broken"
	})
	traffic.Stop()
	wantConfigKept(t, r, other)
	r.AwaitReady(2)
	if got := r.PIDs(); !slices.Equal(got, before) {
		t.Errorf("instances %v, want %v", got, before)
	}
	if err := syscall.Kill(before[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "a replacement with the previous config for an instance that died", func() bool {
		if r.Ready() != 2 {
			return false
		}
		now := r.PIDs()
		return len(now) == 2 && !slices.Contains(now, before[0])
	})
}

// wantConfigKept checks that a config of TestReloadThatCannotStart is not in force.
func wantConfigKept(t *testing.T, r *daemontest.Running, other addresses) {
	t.Helper()
	if p := r.Pool(); p.GetMinInstances() != 2 || p.GetTarget() != 2 || p.GetConfigReloading() {
		t.Errorf("bounds from %d, target %d, reloading %v; want those of before", p.GetMinInstances(), p.GetTarget(), p.GetConfigReloading())
	}
	if code, body := r.Get(r.URL + "/slow?ms=500"); code != http.StatusOK {
		t.Errorf("a request of 500 ms is answered %d %s: the requestTimeout of the new config is in force", code, body)
	}
	if code, _ := r.Get(r.URL + "/lb-status"); code != http.StatusOK {
		t.Errorf("/lb-status is answered %d: status of the new config is in force", code)
	}
	for _, address := range []string{other.public, other.admin, other.adminHTTP} {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s of the new config is open", address)
		}
	}
}

// TestReloadInProgress: while new instances start, the previous config is in force and
// the status says so. A config that is rejected meanwhile is reported, too.
func TestReloadInProgress(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, daemontest.Original(t))
	r.AwaitReady(2)
	before := r.PIDs()
	gate := filepath.Join(t.TempDir(), "gate")
	r.Reload(strings.Replace(daemontest.Original(t), "minInstances: 2", "minInstances: 1", 1) + fmt.Sprintf(
		"status: false\ncommand: [sh, -c, 'until [ -e %s ]; do sleep 0.02; done; exec bun run {location} --port {port}']\n", gate))
	daemontest.Eventually(t, "a reload in progress", func() bool { return r.Pool().GetConfigReloading() })
	if code, out, _ := run(t, "status", "--admin", r.Admin); code != 0 || !strings.Contains(out, "config reload in progress") {
		t.Errorf("dynlb status does not report the reload: %s", out)
	}
	if code, _ := r.Get(r.URL + "/lb-status"); code != http.StatusOK || r.Pool().GetMinInstances() != 2 {
		t.Errorf("/lb-status is answered %d, at least %d instances; want the previous config in force", code, r.Pool().GetMinInstances())
	}
	r.Reload("listen: none\n")
	daemontest.Eventually(t, "the rejection", func() bool { return r.Pool().GetConfigError() != "" })
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the config in force", func() bool {
		code, _ := r.Get(r.URL + "/lb-status")
		p := r.Pool()
		return code != http.StatusOK && p.GetMinInstances() == 1 && !p.GetConfigReloading()
	})
	if got := r.Pool().GetConfigError(); !strings.Contains(got, "listen") {
		t.Errorf("the error of the last config is %q, want that of listen", got)
	}
	daemontest.Eventually(t, "other instances", func() bool {
		return !slices.ContainsFunc(r.PIDs(), func(pid int) bool { return slices.Contains(before, pid) })
	})
}
