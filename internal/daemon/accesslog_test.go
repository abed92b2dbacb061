package daemon_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestAccessLog: each request has its line, also when a reload changes the log, and a log
// that cannot be opened changes nothing.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.log"), filepath.Join(dir, "second.log")
	r := daemontest.Start(t, "accessLog: {to: "+first+"}\n")
	r.AwaitReady(2)
	lines := func(path, part string) int {
		data, _ := os.ReadFile(path)
		return strings.Count(string(data), part)
	}
	ask := func(path string) {
		t.Helper()
		if code, _ := r.Get(r.URL + path); code != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, code)
		}
	}
	ask("/one?secret")
	daemontest.Eventually(t, "the line", func() bool { return lines(first, `"path":"/one","host":`) == 1 })
	if lines(first, "secret") != 0 {
		t.Error("the query is logged")
	}
	if _, metrics := r.Get(r.AdminURL + "/metrics"); !strings.Contains(metrics, "\ndynlb_access_log_lines_dropped_total 0\n") {
		t.Error("the metrics lack the dropped lines")
	}
	r.Reload("accessLog: {to: " + dir + "}\n")
	daemontest.Eventually(t, "the error in the status", func() bool {
		return strings.Contains(r.Pool().GetConfigError(), "accessLog.to: must be a file; "+dir+" is a folder")
	})
	ask("/two")
	daemontest.Eventually(t, "the line", func() bool { return lines(first, `"path":"/two"`) == 1 })

	r.Reload("accessLog: {to: " + second + ", format: combined, query: true}\n")
	daemontest.Eventually(t, "the line in the new log", func() bool {
		ask("/three?q")
		return lines(second, `"GET /three?q HTTP/1.1" 404 `) > 0
	})
	r.Reload("")
	daemontest.Eventually(t, "the end of the log", func() bool {
		before := lines(second, "\n")
		ask("/four")
		return lines(second, "\n") == before && r.Pool().GetConfigError() == ""
	})
}

// TestAccessLogReopens: after a SIGUSR1 the lines are in a new file, and before it in the one
// that was renamed.
func TestAccessLogReopens(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "access.log")
	r := daemontest.Start(t, "accessLog: {to: "+path+"}\n")
	r.AwaitReady(2)
	lines := func(path, part string) int {
		data, _ := os.ReadFile(path)
		return strings.Count(string(data), part)
	}
	r.Get(r.URL + "/zero")
	daemontest.Eventually(t, "the first line", func() bool { return lines(path, `"path":"/zero"`) == 1 })
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	r.Get(r.URL + "/one")
	daemontest.Eventually(t, "the line in the renamed file", func() bool { return lines(path+".1", `"path":"/one"`) == 1 })
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the new file", func() bool { _, err := os.Stat(path); return err == nil })
	r.Get(r.URL + "/two")
	r.Get(r.URL + "/lb-status")
	daemontest.Eventually(t, "the lines in the new file", func() bool {
		return lines(path, `"path":"/two"`) == 1 && lines(path, `"path":"/lb-status"`) == 1
	})
	if lines(path+".1", "/two") > 0 {
		t.Error("the renamed file gets lines after the signal")
	}
	if _, metrics := r.Get(r.AdminURL + "/metrics"); !strings.Contains(metrics, `dynlb_requests_total{app="default",code="404"} 3`) || strings.Contains(metrics, `dynlb_requests_total{app=""`) {
		t.Error("requests for the status count as requests for an app")
	}
}

// TestAccessLogOfApps: each app has its lines in its log, and requests that are for no app
// have them in the log beside apps. Logs of several apps may be one file, and a reload
// changes the log of one app only.
func TestAccessLogOfApps(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	shared, own, other := filepath.Join(dir, "shared.log"), filepath.Join(dir, "own.log"), filepath.Join(dir, "other.log")
	yaml := func(path string) string {
		return "minInstances: 1\naccessLog: {to: " + shared + "}\napps:\n" +
			"  web: {hosts: [web.test]}\n" +
			"  api: {hosts: [api.test], accessLog: {format: combined, query: true}}\n" +
			"  own: {hosts: [own.test], accessLog: {to: " + path + "}}\n" +
			"  none: {hosts: [none.test], accessLog: {to: ''}}\n"
	}
	r := daemontest.Start(t, yaml(own))
	for _, app := range []string{"web", "api", "own", "none"} {
		r.AwaitReadyOf(app, 1)
	}
	lines := func(path, part string) int {
		data, _ := os.ReadFile(path)
		return strings.Count(string(data), part)
	}
	request := func(name string) { ask(t, r, name+".test", "/"+name+"?q") }
	for _, name := range []string{"none", "web", "api", "own", "unknown"} {
		request(name)
	}
	for _, line := range []struct{ path, part string }{
		{shared, `"app":"web",`}, {shared, `"GET /api?q HTTP/1.1" 404 `}, {own, `"app":"own",`}, {shared, `"path":"/unknown",`},
	} {
		daemontest.Eventually(t, "the line "+line.part, func() bool { return lines(line.path, line.part) == 1 })
	}
	if lines(shared, "/none") > 0 || lines(shared, "/own") > 0 || lines(own, "\n") != 1 {
		t.Error("a line is in the wrong log")
	}

	r.Reload(yaml(other))
	daemontest.Eventually(t, "the line in the new log", func() bool {
		request("own")
		return lines(other, `"app":"own",`) > 0
	})
	before := lines(own, "\n")
	request("web")
	daemontest.Eventually(t, "the line in the log that stays", func() bool { return lines(shared, `"app":"web",`) == 2 })
	if lines(own, "\n") != before {
		t.Error("the previous log gets lines")
	}
}
