package daemon_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// startHealthApp starts dynlb with two instances of a Bun app. The health checks of the
// app answer as a file says: "200", "503", "404", or "hang".
func startHealthApp(t *testing.T, health, extra string) (r *daemontest.Running, set func(health string)) {
	t.Helper()
	file, app := filepath.Join(t.TempDir(), "health"), filepath.Join(t.TempDir(), "app.ts")
	const text = `import { readFileSync } from "node:fs";
	Bun.serve({ port: Number(process.env.PORT), hostname: "127.0.0.1", fetch: async (req) => {
		if (new URL(req.url).pathname !== "/health") return new Response("ok");
		const health = readFileSync(%q, "utf8");
		if (health === "hang") await new Promise(() => {});
		return new Response("", { status: Number(health) });
	}});`
	set = func(health string) {
		t.Helper()
		if err := os.WriteFile(file+"~", []byte(health), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+"~", file); err != nil {
			t.Fatal(err)
		}
	}
	set(health)
	if err := os.WriteFile(app, fmt.Appendf(nil, text, file), 0o600); err != nil {
		t.Fatal(err)
	}
	r = daemontest.Start(t, fmt.Sprintf("minInstances: 2\nmaxInstances: 2\ncheckInterval: 100ms\n"+
		"command: [bun, run, %q, --port, '{port}']\n%s", app, extra))
	return r, set
}

// TestNoneIsReady: when all instances answer health checks with 503, clients get a 503
// with that reason, and no instance is stopped. That holds from the start too.
func TestNoneIsReady(t *testing.T) {
	t.Parallel()
	for _, begin := range []string{"200", "503"} {
		t.Run("first "+begin, func(t *testing.T) {
			t.Parallel()
			const startTimeout = 5 * time.Second // a process needs a part of it before it answers
			r, set := startHealthApp(t, begin, "startTimeout: 5s\nhealthTimeout: 5s\nqueue: {timeout: 300ms}\n")
			if begin == "200" {
				r.AwaitReady(2)
			}
			set("503")
			const reason = "no instance is ready: GET /health: status 503, not 2xx"
			daemontest.Eventually(t, "the reason", func() bool { return r.Pool().GetUnavailableReason() == reason })
			for end := time.Now().Add(startTimeout + time.Second); time.Now().Before(end); {
				if code, body := r.Get(r.URL + "/"); code != http.StatusServiceUnavailable || !strings.Contains(body, reason) {
					t.Fatalf("%d %s, want a 503 with the reason", code, body)
				}
			}
			if _, out, _ := run(t, "status", "--admin", r.Admin); !strings.Contains(out, "\n"+reason+"\n") || strings.Contains(out, "cannot start") {
				t.Errorf("dynlb status: %s", out)
			}
			if log := r.Log.String(); strings.Count(log, "instance starting") != 2 || strings.Contains(log, "instance failed") {
				t.Errorf("an instance was stopped: %s", log)
			}
			set("200")
			r.AwaitReady(2)
			if code, body := r.Get(r.URL + "/"); code != http.StatusOK {
				t.Errorf("%d %s", code, body)
			}
		})
	}
}

// TestNoneAnswersHealthChecks: when no instance answers health checks, the last ready
// one still gets requests.
func TestNoneAnswersHealthChecks(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r, set := startHealthApp(t, "200", "healthTimeout: 200ms\n")
	r.AwaitReady(2)
	set("hang")
	traffic := daemontest.StartLoad(t, 2, r.URL, "/")
	daemontest.Eventually(t, "failed health checks", func() bool {
		return strings.Count(r.Log.String(), "health check failed") >= 4 || traffic.Done.Load() > 5000
	})
	traffic.Stop()
}

// TestReasonWithinASecond: the status tells soon why instances without a health path
// are not ready, and when starts have failed, clients get the reason at once.
func TestReasonWithinASecond(t *testing.T) {
	t.Parallel()
	r, _ := startHealthApp(t, "404", "startTimeout: 1500ms\nqueue: {timeout: 1m}\n")
	daemontest.Eventually(t, "the reason in the status", func() bool {
		_, out, _ := run(t, "status", "--admin", r.Admin)
		return strings.Contains(out, " is not ready yet: GET /health: status 404, not 2xx\n")
	})
	if strings.Contains(r.Log.String(), "instance failed") {
		t.Error("the reason came with the failure only")
	}
	code, body := r.Get(r.URL + "/") // it waits until both starts have failed
	begun := time.Now()
	again, _ := r.Get(r.URL + "/")
	if code != http.StatusServiceUnavailable || again != code || !strings.Contains(body, "status 404") {
		t.Errorf("%d %s, then %d; want a 503 with the reason", code, body, again)
	}
	if took := time.Since(begun); took > time.Second {
		t.Errorf("the answer took %v", took)
	}
}
