package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// admin returns the address of gRPC.
func (p *dynlbProcess) admin() (address string) {
	for line := range strings.Lines(p.log.String()) {
		var entry struct{ Msg, Admin string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
			address = entry.Admin
		}
	}
	return address
}

// upgrade runs `dynlb upgrade`, and returns its exit code and what it printed.
func (p *dynlbProcess) upgrade(path ...string) (code int, output string) {
	p.t.Helper()
	return p.run("upgrade", path...)
}

// run runs a command of dynlb, and returns its exit code and what it printed.
func (p *dynlbProcess) run(command string, args ...string) (code int, output string) {
	p.t.Helper()
	self, err := os.Executable()
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := exec.Command(self, append([]string{command, "--admin", p.admin()}, args...)...).CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(text)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return 0, string(text)
}

// anotherBuild returns the path of a copy of this program.
func anotherBuild(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dynlb")
	if err := os.Link(self, path); err == nil {
		return path
	}
	content, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

// visits has a client connect for each of its requests, until stop.
func visits(t *testing.T, url string) (stop func()) {
	t.Helper()
	end := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		transport := &http.Transport{DisableKeepAlives: true} // it repeats no request then
		for {
			select {
			case <-end:
				return
			default:
			}
			request, err := http.NewRequest(http.MethodGet, url, http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			response, err := transport.RoundTrip(request)
			if err != nil {
				t.Errorf("new connection: %v", err)
				return
			}
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("new connection: %s", response.Status)
			}
		}
	})
	return func() {
		close(end)
		running.Wait()
	}
}

// tunnel opens a WebSocket, and returns a function that checks that it still echoes.
func tunnel(t *testing.T, url string) (check, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), daemontest.Within)
	t.Cleanup(cancel)
	ws, _, err := websocket.Dial(ctx, url+"/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.CloseNow() })
	return func() {
		t.Helper()
		if err := ws.Write(ctx, websocket.MessageText, []byte("ping")); err != nil {
			t.Errorf("tunnel: %v", err)
		}
		if _, b, err := ws.Read(ctx); err != nil || !bytes.Contains(b, []byte("ping")) {
			t.Errorf("tunnel: got %q, %v", b, err)
		}
	}, func() { _ = ws.CloseNow() }
}

// TestUpgrade: under load, bad binaries change nothing, a good one takes over, and the one
// before takes over again. No connection is refused and no request lost, tunnels stay, and
// so do the instances and the main process.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p := spawn(t, "minInstances: 2\nmaxInstances: 2\n")
	before, first := p.instances(), p.commands("worker")
	kept := daemontest.StartLoad(t, 4, p.url, "/")
	slow := daemontest.StartLoad(t, 2, p.url, "/slow?ms=300")
	stopVisits := visits(t, p.url+"/")
	next := anotherBuild(t)
	torn := filepath.Join(t.TempDir(), "torn")
	if err := os.WriteFile(torn, []byte("\x7fELF\x02\x01\x01"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "missing"), torn, "/bin/false"} {
		code, output := p.upgrade(path)
		if reasons := strings.Count(output, "dynlb: "); code != 1 || reasons != 1 {
			t.Errorf("%s: exit code %d, %s", path, code, output)
		}
		if now := p.commands("worker"); !slices.Contains(now, first[0]) {
			t.Errorf("%s: workers %v, before %v", path, now, first)
		}
	}
	check, end := tunnel(t, p.url)
	for _, path := range [][]string{{next}, {}} {
		code, output := p.upgrade(path...)
		if code != 0 || !strings.Contains(output, "serves") {
			t.Errorf("upgrade %v: exit code %d, %s", path, code, output)
		}
		check()
		again, endAgain := tunnel(t, p.url)
		again()
		endAgain()
	}
	if err := p.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the upgrade by a signal", func() bool { return strings.Count(p.log.String(), `"upgraded"`) == 3 })
	check()
	end()
	served := kept.Done.Load()
	daemontest.Eventually(t, "requests after the upgrades", func() bool { return kept.Done.Load() > served+20 })
	stopVisits()
	slow.Stop()
	kept.Stop()
	if now := p.instances(); !slices.Equal(now, before) {
		t.Errorf("instances %v, before %v", now, before)
	}
	if workers := p.commands("worker"); slices.Contains(workers, first[0]) && len(workers) == 1 {
		t.Errorf("workers %v, before %v", workers, first)
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := p.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	p.nothingLeft()
}

// TestUpgradeOfASuspendedWorker: a worker that does not answer when it is to retire loses
// its place, and does nothing to the instances when it goes on.
func TestUpgradeOfASuspendedWorker(t *testing.T) {
	t.Parallel()
	needKeeper(t)
	p := spawn(t, "minInstances: 2\nmaxInstances: 2\ndrainTimeout: 2s\n")
	before, first := p.instances(), p.commands("worker")[0]
	if err := syscall.Kill(first, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if err := p.Process.Signal(syscall.SIGUSR2); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "the upgrade", func() bool { return strings.Contains(p.log.String(), `"upgraded"`) })
	// Each loop of the suspended worker takes one wake-up of the listener (EPOLLEXCLUSIVE):
	// the connection behind it waits for the next one.
	impatient := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	daemontest.Eventually(t, "a response", func() bool {
		response, err := impatient.Get(p.url)
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return true
	})
	if err := syscall.Kill(first, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "its end", func() bool { return !slices.Contains(p.commands("worker"), first) })
	time.Sleep(100 * time.Millisecond) // nothing is to happen
	if now := p.instances(); !slices.Equal(now, before) {
		t.Errorf("instances %v, before %v", now, before)
	}
	http.DefaultClient.CloseIdleConnections()
}
