package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestSuspendedDynlb: after dynlb itself was stopped for a while no instance is
// unhealthy: the time in which it did not run does not count against them.
func TestSuspendedDynlb(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	p := spawn(t, "checkInterval: 100ms\nhealthTimeout: 100ms\n")
	before := daemontest.InstancesOn(p.basePort)
	p.signal(syscall.SIGSTOP)
	time.Sleep(3 * time.Second) // as long as thirty checks
	p.signal(syscall.SIGCONT)
	traffic := daemontest.StartLoad(t, 4, p.url, "/")
	begun := time.Now()
	daemontest.Eventually(t, "ten more checks", func() bool { return time.Since(begun) > time.Second })
	traffic.Stop()
	slices.Sort(before)
	after := daemontest.InstancesOn(p.basePort)
	slices.Sort(after)
	if !slices.Equal(before, after) {
		t.Errorf("instances %v, want %v", after, before)
	}
	if log := p.log.String(); strings.Contains(log, "failed 2 health checks") || strings.Contains(log, "instance failed") {
		t.Errorf("an instance became unhealthy or failed: %s", log)
	}
}

// TestSuspendedDynlbInFlight: requests that are in flight while dynlb is stopped get
// their responses when it continues, although requestTimeout has passed by the clock:
// responses that have arrived in that time, and those that arrive later.
func TestSuspendedDynlbInFlight(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	app := filepath.Join(t.TempDir(), "app.ts")
	const text = `Bun.serve({ port: Number(process.env.PORT), hostname: "127.0.0.1", fetch: async (req) => {
		const ms = new URL(req.url).searchParams.get("ms");
		if (ms) {
			console.log("request is here");
			await Bun.sleep(Number(ms));
		}
		return new Response("ok");
	}});`
	if err := os.WriteFile(app, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []string{"fast", "std"} {
		t.Run(engine, func(t *testing.T) {
			p := spawn(t, fmt.Sprintf("requestTimeout: 2400ms\ncommand: [bun, run, %s, --port, '{port}']\n", app), "--engine", engine)
			// A connection that has carried /lb-status stays with net/http.
			client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
			statuses := make(chan string)
			times := []string{"600", "600", "2900", "2900"}
			for _, ms := range times {
				go func() {
					res, err := client.Get(p.url + "/?ms=" + ms)
					if err != nil {
						statuses <- err.Error()
						return
					}
					_ = res.Body.Close()
					statuses <- res.Status
				}()
			}
			daemontest.Eventually(t, "the requests at the instances", func() bool {
				return strings.Count(p.log.String(), "request is here") == len(times)
			})
			p.signal(syscall.SIGSTOP)
			time.Sleep(2500 * time.Millisecond) // longer than requestTimeout
			p.signal(syscall.SIGCONT)
			for range times {
				if status := <-statuses; status != "200 OK" {
					t.Error(status)
				}
			}
		})
	}
}
