package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
)

// TestSuspendedInstance: one that is stopped by SIGSTOP gets no requests, and is
// replaced; requests that it had are done by another.
func TestSuspendedInstance(t *testing.T) {
	withBun(t)
	r := start(t, original(t)+"stopTimeout: 200ms\n")
	r.reload(strings.Replace(original(t), "healthTimeout: 2000", "healthTimeout: 200", 1) + "stopTimeout: 200ms\n")
	r.awaitReady(2)
	traffic := startLoad(t, 4, r.url, "/")
	victim := r.pids()[0]
	if err := syscall.Kill(victim, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two ready ones without it", func() bool {
		return r.ready() == 2 && !slices.Contains(r.pids(), victim)
	})
	traffic.stop()
}

// TestSuspendedDynlb: dynlb itself, stopped for a while, ejects nobody when it
// goes on: time that it could not see does not count against the instances.
func TestSuspendedDynlb(t *testing.T) {
	p := spawn(t, "checkInterval: 100ms\nhealthTimeout: 100ms\n")
	before := instancesOn(p.basePort)
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(3 * time.Second) // what is to be slept through: thirty checks
	if err := p.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	traffic := startLoad(t, 4, p.url, "/")
	begun := time.Now()
	eventually(t, "ten more checks", func() bool { return time.Since(begun) > time.Second })
	traffic.stop()
	slices.Sort(before)
	after := instancesOn(p.basePort)
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
			eventually(t, "the requests at the instances", func() bool {
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

// TestConcurrentScaleToWithCrashes: whatever happens at the same time, in the end
// there are as many as was asked for last.
func TestConcurrentScaleToWithCrashes(t *testing.T) {
	withBun(t)
	r := start(t, strings.Replace(original(t), "idleTimeout: 1000", "idleTimeout: 1h", 1))
	r.awaitReady(2)
	var callers sync.WaitGroup
	for i := range 100 {
		callers.Go(func() {
			n := int32(2 + i%4)
			if _, err := r.client.ScaleTo(context.Background(), &dynlbv1.ScaleToRequest{Target: &n}); err != nil {
				t.Error(err)
			}
			if i%10 == 0 {
				for _, pid := range instancesOn(r.basePort) {
					_ = syscall.Kill(pid, syscall.SIGKILL) // it may be gone already
				}
			}
		})
	}
	callers.Wait()
	last := int(r.pool().GetTarget())
	r.awaitReady(last)
	if got := len(instancesOn(r.basePort)); got != last {
		t.Errorf("%d processes for %d instances", got, last)
	}
}

// TestSIGTERMDuringScaleUp: what is being started at that moment is not left.
func TestSIGTERMDuringScaleUp(t *testing.T) {
	p := spawn(t, "maxInstances: 8\n")
	p.write("minInstances: 8\nmaxInstances: 8\n")
	eventually(t, "more instances", func() bool { return len(instancesOn(p.basePort)) > 2 })
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}

// TestCrashLoopBesideHealthyOnes: instances that die as soon as they are up do not
// disturb those that stay.
func TestCrashLoopBesideHealthyOnes(t *testing.T) {
	withBun(t)
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	r := start(t, original(t)+fmt.Sprintf("command: [sh, -c, 'test -e %s && exit 1; exec bun run {location} --port {port}']\n", broken))
	r.awaitReady(2)
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	traffic := startLoad(t, 4, r.url, "/")
	if err := syscall.Kill(r.pids()[1], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "three failed starts", func() bool {
		return strings.Count(r.log.String(), "instance failed") >= 4 && r.ready() == 1
	})
	if got := r.pool().GetLastExit().GetReason(); got != "exit status 1" {
		t.Errorf("last exit %q", got)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	r.awaitReady(2)
	traffic.stop()
}

// TestWrongPort: an app that listens elsewhere is not ready, and the status says
// where it does listen.
func TestWrongPort(t *testing.T) {
	withBun(t)
	_, port, _ := net.SplitHostPort(freeAddress(t))
	r := start(t, fmt.Sprintf("location: %s\nminInstances: 1\nstartTimeout: 1s\ncommand: [bun, run, '{location}', --port, '%s']\n", bunApp(t), port))
	eventually(t, "the reason", func() bool {
		reason := r.pool().GetUnavailableReason()
		return strings.HasPrefix(reason, "not ready within 1s: ") && strings.Contains(reason, port)
	})
}

// TestNeverReady: an app that never says that it is well is ended and tried again,
// and the status says what it said.
func TestNeverReady(t *testing.T) {
	r := start(t, "minInstances: 1\nstartTimeout: 300ms\nhealthPath: /nothing-here\n")
	eventually(t, "the reason, twice", func() bool {
		return r.pool().GetUnavailableReason() == "not ready within 300ms: GET /nothing-here: status 404, not 200" &&
			strings.Count(r.log.String(), "instance failed") >= 2
	})
}

// TestImpostor: a program that answers on the port of an instance is not taken
// for it.
func TestImpostor(t *testing.T) {
	r := start(t, "minInstances: 1\nmaxInstances: 1\ncommand: [sleep, '600']\nqueue: {timeout: 100ms}\n")
	stranger, asked := impersonate(t, r)
	eventually(t, "the reason", func() bool {
		return strings.HasPrefix(r.pool().GetUnavailableReason(), fmt.Sprintf("somebody else answered on port %d: ", r.basePort))
	})
	if code, body := r.get(r.url + "/"); code != http.StatusServiceUnavailable {
		t.Errorf("GET /: %d %s", code, body)
	}
	if err := stranger.Close(); err != nil {
		t.Error(err)
	}
	close(asked)
	for path := range asked {
		if path != "/health" {
			t.Errorf("the stranger was asked for %s", path)
		}
	}
}

// TestPortTakenAtTheLastMoment: an instance whose port was taken between the
// choice and its bind is started anew on the next, and the client that waits does
// not see it.
func TestPortTakenAtTheLastMoment(t *testing.T) {
	withBun(t)
	r := start(t, fmt.Sprintf("location: %s\nminInstances: 1\ncommand: [sh, -c, 'sleep 0.5; exec bun run {location} --port {port}']\n", bunApp(t)))
	stranger, asked := impersonate(t, r)
	if code, body := r.get(r.url + "/"); code != http.StatusOK || !strings.Contains(body, fmt.Sprint(r.basePort+1)) {
		t.Errorf("GET /: %d %s, want it from port %d", code, body, r.basePort+1)
	}
	if err := stranger.Close(); err != nil {
		t.Error(err)
	}
	close(asked)
	for path := range asked {
		if path != "/health" {
			t.Errorf("the stranger was asked for %s", path)
		}
	}
}

// impersonate answers 200 to everything on the port of the first instance, as soon
// as that is being started, and tells what it was asked for.
func impersonate(t *testing.T, r *running) (io.Closer, chan string) {
	t.Helper()
	var l net.Listener
	eventually(t, "an instance being started", func() bool {
		if len(r.pool().GetInstances()) == 0 {
			return false
		}
		var err error
		if l, err = net.Listen("tcp", r.pool().GetInstances()[0].GetAddress()); err != nil {
			t.Fatal(err)
		}
		return true
	})
	asked := make(chan string, 10000)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.Path })}
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		_ = server.Serve(l)
	}()
	return closer(func() error {
		err := server.Close()
		<-done
		return err
	}), asked
}

type closer func() error

func (c closer) Close() error { return c() }
