package daemon_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestEdge: the rules of a config hold for requests, and those of another one after a
// reload, without a restart of the instances.
func TestEdge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	users, page := write("users", "ann:secret\n"), write("page.html", "<p>back soon")
	r := daemontest.Start(t, "basicAuth: "+users+"\nrequestID: X-Request-Id\nheaders: {set: {X-A: b}}\nserverTiming: true\n")
	r.AwaitReady(2)
	before := r.PIDs()
	ask := func(user, accept string) (*http.Response, string) {
		t.Helper()
		request, err := http.NewRequest(http.MethodGet, r.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept", accept)
		if user != "" {
			request.SetBasicAuth(user, "secret")
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response, readBody(t, response)
	}
	if res, _ := ask("", "*/*"); res.StatusCode != http.StatusUnauthorized || res.Header.Get("X-A") != "b" {
		t.Errorf("without a user: %d %v", res.StatusCode, res.Header)
	}
	if res, _ := ask("ann", "*/*"); res.StatusCode != 200 || res.Header.Get("X-Request-Id") == "" || res.Header.Get("X-A") != "b" || res.Header.Get("Server-Timing") == "" {
		t.Errorf("with a user: %d %v", res.StatusCode, res.Header)
	}
	r.Reload("maintenance: " + page + "\n")
	daemontest.Eventually(t, "the page", func() bool {
		res, body := ask("", "text/html")
		return res.StatusCode == http.StatusServiceUnavailable && body == "<p>back soon"
	})
	r.Reload("allow: [192.0.2.0/24]\nerrorPages: {403: " + page + "}\n")
	daemontest.Eventually(t, "the other page", func() bool {
		res, body := ask("", "text/html")
		return res.StatusCode == http.StatusForbidden && body == "<p>back soon"
	})
	r.Reload("rateLimit: {client: 1/h}\n")
	daemontest.Eventually(t, "a limit", func() bool {
		res, _ := ask("", "*/*")
		return res.StatusCode == http.StatusTooManyRequests
	})
	for i, pid := range r.PIDs() {
		if pid != before[i] {
			t.Errorf("pids %v, before %v", r.PIDs(), before)
		}
	}
}

// TestEdgeOfApps: each app has its own rules, and those beside apps where it has none. A
// reload of the rules of one app does not touch the others.
func TestEdgeOfApps(t *testing.T) {
	t.Parallel()
	const yaml = "minInstances: 1\nheaders: {set: {X-A: b}}\napps:\n  web: {hosts: [web.test]}\n  api: {hosts: [api.test], headers: {set: {X-B: c}}"
	r := startTwo(t, yaml+", maintenance: true}\n")
	web := r.PIDsOf("web")
	fields := func(host string) (code int, a, b string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		readBody(t, response)
		return response.StatusCode, response.Header.Get("X-A"), response.Header.Get("X-B")
	}
	if code, a, b := fields("web.test"); code != http.StatusOK || a != "b" || b != "" {
		t.Errorf("the app without rules of its own: %d, X-A %q, X-B %q", code, a, b)
	}
	if code, a, b := fields("api.test"); code != http.StatusServiceUnavailable || a != "" || b != "c" {
		t.Errorf("the app with rules of its own: %d, X-A %q, X-B %q", code, a, b)
	}
	r.Reload(yaml + "}\n")
	daemontest.Eventually(t, "the end of the maintenance", func() bool {
		code, _, b := fields("api.test")
		return code == http.StatusOK && b == "c"
	})
	if now := r.PIDsOf("web"); len(now) != 1 || now[0] != web[0] {
		t.Errorf("pids of the other app %v, before %v", now, web)
	}
}

// TestEdgeFiles: files that cannot be used are found before dynlb starts.
func TestEdgeFiles(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("ann:$apr1$x"), 0o600); err != nil {
		t.Fatal(err)
	}
	missing := path + ".missing"
	for want, edge := range map[string]config.Edge{
		"basicAuth: " + path + ": line 1":              {BasicAuth: path},
		"basicAuth: open":                              {BasicAuth: missing},
		"maintenance: " + missing + ": no such file":   {Maintenance: missing},
		"errorPages: " + missing + ": no such file or": {ErrorPages: map[int]string{502: missing}},
	} {
		settings := config.Default()
		settings.Edge = edge
		if err := daemon.Check(settings); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func readBody(t *testing.T, response *http.Response) string {
	t.Helper()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
