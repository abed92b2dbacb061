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

// TestSuspendedDynlb: dynlb itself, stopped for a while, ejects nobody when it
// goes on: time that it could not see does not count against the instances.
func TestSuspendedDynlb(t *testing.T) {
	t.Parallel()
	p := spawn(t, "checkInterval: 100ms\nhealthTimeout: 100ms\n")
	before := daemontest.InstancesOn(p.basePort)
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // what is to be slept through: thirty checks
	if err := p.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
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
		t.Errorf("ejected: %s", log)
	}
}

// TestSuspendedDynlbInFlight: requests in flight when dynlb is stopped get their
// responses when it goes on, though the instances' time is up by the clock: those that
// have arrived meanwhile, and those that come after.
func TestSuspendedDynlbInFlight(t *testing.T) {
	t.Parallel()
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
			// A connection on which /lb-status was asked for is net/http's from then on.
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
			if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2500 * time.Millisecond) // what is to be slept through: the instances' time
			if err := p.Process.Signal(syscall.SIGCONT); err != nil {
				t.Fatal(err)
			}
			for range times {
				if status := <-statuses; status != "200 OK" {
					t.Error(status)
				}
			}
		})
	}
}
