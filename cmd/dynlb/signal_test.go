package main

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestSIGTERM: the request in flight finishes, the exit code is 0, and no process is
// left.
func TestSIGTERM(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			p := spawn(t, "")
			type answer struct {
				status int
				err    error
			}
			answered := make(chan answer, 1)
			go func() {
				response, err := http.Get(p.url + "/slow?ms=500")
				if err != nil {
					answered <- answer{err: err}
					return
				}
				_, err = io.Copy(io.Discard, response.Body)
				response.Body.Close()
				answered <- answer{response.StatusCode, err}
			}()
			daemontest.Eventually(t, "a request in flight", func() bool {
				response, err := http.Get(p.url + "/lb-status")
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				body, _ := io.ReadAll(response.Body)
				return strings.Contains(string(body), `"activeRequests":1`)
			})
			if err := p.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			if a := <-answered; a.err != nil || a.status != http.StatusOK {
				t.Errorf("the request in flight: %+v", a)
			}
			if code := p.exit(); code != 0 {
				t.Errorf("exit code %d", code)
			}
			if left := daemontest.InstancesOn(p.basePort); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			p.nothingLeft()
		})
	}
}

// TestSecondSignalIsImmediate: with a request in flight of half a minute, dynlb waits
// after the first signal and ends at once after the second.
func TestSecondSignalIsImmediate(t *testing.T) {
	t.Parallel()
	p := spawn(t, "")
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		response, err := http.Get(p.url + "/slow?ms=30000")
		if err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
	}()
	daemontest.Eventually(t, "a request in flight", func() bool {
		response, err := http.Get(p.url + "/lb-status")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return strings.Contains(string(body), `"activeRequests":1`)
	})
	for _, want := range []string{"signal received, shutting down", "signal received again"} {
		daemontest.Eventually(t, want, func() bool { // signals within half a second count as one
			if err := p.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			return strings.Contains(p.log.String(), want)
		})
	}
	begun := time.Now()
	if code := p.exit(); code != 4 {
		t.Errorf("exit code %d, want 4 for a request that was cut off", code)
	}
	if log := p.log.String(); !strings.Contains(log, `"msg":"serve failed","error":"requests in flight were cut off"`) || strings.Contains(log, "\ndynlb: ") {
		t.Errorf("the log does not end with the error as JSON: %s", log)
	}
	if log := p.log.String(); strings.Contains(log, "obtaining certificates") || strings.Contains(log, "give listeners to keeper") || strings.Contains(log, "(drainTimeout)") {
		t.Errorf("the log blames something else than the signal: %s", log)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("took %v after the second signal", took)
	}
	<-cut
	p.nothingLeft()
}

// TestDoubledSignalIsOne: GNU timeout sends its signal twice. The request in flight
// finishes nevertheless.
func TestDoubledSignalIsOne(t *testing.T) {
	t.Parallel()
	p := spawn(t, "")
	answered := make(chan error, 1)
	go func() { answered <- get(p.url + "/slow?ms=500") }()
	daemontest.Eventually(t, "a request in flight", func() bool {
		response, err := http.Get(p.url + "/lb-status")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return strings.Contains(string(body), `"activeRequests":1`)
	})
	for range 2 {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		daemontest.Eventually(t, "signal received", func() bool { return strings.Contains(p.log.String(), "signal received") })
	}
	if err := <-answered; err != nil {
		t.Errorf("the request in flight: %v", err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}

// get fails unless a GET is answered whole, with 200.
func get(url string) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// TestSIGKILL: a dynlb that is killed leaves no process.
func TestSIGKILL(t *testing.T) {
	t.Parallel()
	p := spawn(t, "")
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.exit()
	p.nothingLeft()
}

// TestSIGKILLWithGrandchildren: the guard kills processes that instances have started
// in their own sessions, and then ends.
func TestSIGKILLWithGrandchildren(t *testing.T) {
	t.Parallel()
	p := spawn(t, `command: [sh, -c, 'setsid sh -c "sleep 1000; :" x --port "$1" & exec bun run "$0" --port "$1"', "{location}", "{port}"]`)
	daemontest.Eventually(t, "two instances and two grandchildren", func() bool { return len(daemontest.InstancesOn(p.basePort)) == 4 })
	guard := p.guard()
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.exit()
	p.nothingLeft()
	daemontest.Eventually(t, "the guard gone too", func() bool { return syscall.Kill(guard, 0) != nil || zombie(guard) })
}

// TestGuardIsKilled: dynlb starts another guard, which does the work of the first.
func TestGuardIsKilled(t *testing.T) {
	t.Parallel()
	p := spawn(t, `command: [sh, -c, 'setsid sh -c "sleep 1000; :" x --port "$1" & exec bun run "$0" --port "$1"', "{location}", "{port}"]`)
	daemontest.Eventually(t, "two instances and two grandchildren", func() bool { return len(daemontest.InstancesOn(p.basePort)) == 4 })
	guard := p.guard()
	if err := syscall.Kill(guard, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "another guard", func() bool { return strings.Contains(p.log.String(), "guard process started again") })
	if another := p.guard(); another == guard {
		t.Errorf("guard %d was killed and is still there", guard)
	}
	if zombie(guard) {
		t.Error("the first guard is a zombie")
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	p.exit()
	p.nothingLeft()
}

// TestSIGTERMDuringScaleUp: instances that are starting at that moment are stopped.
func TestSIGTERMDuringScaleUp(t *testing.T) {
	t.Parallel()
	p := spawn(t, "maxInstances: 8\n")
	p.write("minInstances: 8\nmaxInstances: 8\n")
	daemontest.Eventually(t, "more instances", func() bool { return len(daemontest.InstancesOn(p.basePort)) > 2 })
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}

// TestSIGTERMToAll: an init system that sends SIGTERM to all processes of a service at
// once, as systemd does by default, costs no request in flight: the app finishes them
// before it ends. That is no crash, and nothing is started in its place.
func TestSIGTERMToAll(t *testing.T) {
	t.Parallel()
	p := spawn(t, "")
	const inFlight = 20
	answered := make(chan error, inFlight)
	for i := range inFlight {
		go func() {
			if i%2 == 0 {
				answered <- get(p.url + "/slow?ms=1500")
				return
			}
			response, err := http.Post(p.url+"/slow?ms=1500", "text/plain", strings.NewReader("content"))
			if err == nil && response.StatusCode != http.StatusOK {
				err = errors.New(response.Status)
			}
			if err == nil {
				response.Body.Close()
			}
			answered <- err
		}()
	}
	daemontest.Eventually(t, "the requests in flight", func() bool {
		response, err := http.Get(p.url + "/lb-status")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return strings.Count(string(body), `"activeRequests":10`) == 2
	})
	instances := daemontest.InstancesOn(p.basePort)
	for _, pid := range append(instances, p.guard(), p.Process.Pid) {
		if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
	}
	for range inFlight {
		if err := <-answered; err != nil {
			t.Errorf("a request in flight: %v", err)
		}
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	log := p.log.String()
	if started := strings.Count(log, `"instance starting"`); started > len(instances) {
		t.Errorf("%d instances were started, want %d", started, len(instances))
	}
	if strings.Contains(log, "instance failed") {
		t.Error("the end of an instance counts as a failure")
	}
	p.nothingLeft()
}
