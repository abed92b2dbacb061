package daemon_test

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

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/daemon/daemontest"
)

// TestSuspendedInstance: an instance that is stopped by SIGSTOP gets no requests and
// is replaced. Its requests are sent to another instance.
func TestSuspendedInstance(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := daemontest.Start(t, daemontest.Original(t)+"stopTimeout: 200ms\n")
	r.Reload(strings.Replace(daemontest.Original(t), "healthTimeout: 2000", "healthTimeout: 200", 1) + "stopTimeout: 200ms\n")
	r.AwaitReady(2)
	traffic := daemontest.StartLoad(t, 4, r.URL, "/")
	victim := r.PIDs()[0]
	if err := syscall.Kill(victim, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "two ready ones without it", func() bool {
		return r.Ready() == 2 && !slices.Contains(r.PIDs(), victim)
	})
	traffic.Stop()
}

// TestSuspendedStart: an instance that is stopped by SIGSTOP before it is ready is replaced
// for that reason, again and again, and dynlb ends while one is suspended.
func TestSuspendedStart(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\nstartTimeout: 1s\nhealthTimeout: 200ms\nstopTimeout: 1h\ncommand: [sh, -c, 'kill -STOP 0; exec sleep 600']\n")
	daemontest.Eventually(t, "the reason, twice", func() bool {
		return strings.HasPrefix(r.Pool().GetUnavailableReason(), "not ready within 1s: its process is suspended") &&
			strings.Count(r.Log.String(), "instance failed") >= 2
	})
}

// TestConcurrentScaleToWithCrashes: concurrent calls of ScaleTo, and crashes, end with
// the number of instances of the last call.
func TestConcurrentScaleToWithCrashes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := daemontest.Start(t, strings.Replace(daemontest.Original(t), "idleTimeout: 1000", "idleTimeout: 1h", 1))
	r.AwaitReady(2)
	var callers sync.WaitGroup
	for i := range 100 {
		callers.Go(func() {
			n := int32(2 + i%4)
			if _, err := r.Client.ScaleTo(context.Background(), &dynlbv1.ScaleToRequest{Target: &n}); err != nil {
				t.Error(err)
			}
			if i%10 == 0 {
				for _, pid := range daemontest.InstancesOn(r.BasePort) {
					_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended
				}
			}
		})
	}
	callers.Wait()
	last := int(r.Pool().GetTarget())
	// dynlb may not have noticed the last deaths yet.
	daemontest.Eventually(t, fmt.Sprintf("%d instances, ready and running", last), func() bool {
		return r.Ready() == last && len(r.Pool().GetInstances()) == last && len(daemontest.InstancesOn(r.BasePort)) == last
	})
}

// TestCrashLoopBesideHealthyOnes: an instance in a crash loop does not disturb the
// healthy ones.
func TestCrashLoopBesideHealthyOnes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	r := daemontest.Start(t, daemontest.Original(t)+fmt.Sprintf("command: [sh, -c, 'test -e %s && exit 1; exec bun run {location} --port {port}']\n", broken))
	r.AwaitReady(2)
	if err := os.WriteFile(broken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	traffic := daemontest.StartLoad(t, 4, r.URL, "/")
	if err := syscall.Kill(r.PIDs()[1], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	daemontest.Eventually(t, "three failed starts", func() bool {
		return strings.Count(r.Log.String(), "instance failed") >= 4 && r.Ready() == 1
	})
	if got := r.Pool().GetLastExit().GetReason(); got != "exit status 1" {
		t.Errorf("last exit %q", got)
	}
	if err := os.Remove(broken); err != nil {
		t.Fatal(err)
	}
	r.AwaitReady(2)
	traffic.Stop()
}

// TestWrongPort: an app that listens on another port is not ready, and the status
// has that port.
func TestWrongPort(t *testing.T) {
	t.Parallel()
	_, port, _ := net.SplitHostPort(daemontest.FreeAddress(t))
	r := daemontest.Start(t, fmt.Sprintf("location: %s\nminInstances: 1\nstartTimeout: 1s\ncommand: [bun, run, '{location}', --port, '%s']\n", daemontest.BunApp(t), port))
	daemontest.Eventually(t, "the reason", func() bool {
		reason := r.Pool().GetUnavailableReason()
		return strings.HasPrefix(reason, "not ready within 1s: ") && strings.Contains(reason, port)
	})
}

// TestNeverReady: an app whose health check never succeeds is stopped and started
// again, and the status has its last answer.
func TestNeverReady(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	r := daemontest.Start(t, "minInstances: 1\nstartTimeout: 300ms\nhealthPath: /nothing-here\n")
	daemontest.Eventually(t, "the reason, twice", func() bool {
		return r.Pool().GetUnavailableReason() == "not ready within 300ms: GET /nothing-here: status 404, not 2xx; set healthPath to a path that answers with 2xx" &&
			strings.Count(r.Log.String(), "instance failed") >= 2
	})
}

// TestImpostor: another program that answers on the port of an instance gets no
// requests.
func TestImpostor(t *testing.T) {
	t.Parallel()
	r := daemontest.Start(t, "minInstances: 1\nmaxInstances: 1\ncommand: [sleep, '600']\nqueue: {timeout: 100ms}\n")
	impostor, paths := impersonate(t, r)
	daemontest.Eventually(t, "the reason", func() bool {
		return strings.HasPrefix(r.Pool().GetUnavailableReason(), fmt.Sprintf("another program answered on port %d: ", r.BasePort))
	})
	if code, body := r.Get(r.URL + "/"); code != http.StatusServiceUnavailable {
		t.Errorf("GET /: %d %s", code, body)
	}
	if err := impostor.Close(); err != nil {
		t.Error(err)
	}
	close(paths)
	for path := range paths {
		if path != "/health" {
			t.Errorf("the impostor got a request for %s", path)
		}
	}
}

// TestPortTakenAtTheLastMoment: if another program takes the port of an instance
// before that binds it, the instance is started again on the next port. The waiting
// client does not notice.
func TestPortTakenAtTheLastMoment(t *testing.T) {
	t.Parallel()
	taken := filepath.Join(t.TempDir(), "taken")
	r := daemontest.Start(t, fmt.Sprintf("location: %s\nminInstances: 1\n"+
		"command: [sh, -c, 'until test -e %s; do sleep 0.05; done; exec bun run {location} --port {port}']\n", daemontest.BunApp(t), taken))
	impostor, paths := impersonate(t, r)
	if err := os.WriteFile(taken, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, body := r.Get(r.URL + "/"); code != http.StatusOK || !strings.Contains(body, fmt.Sprint(r.BasePort+1)) {
		t.Errorf("GET /: %d %s, want it from port %d", code, body, r.BasePort+1)
	}
	if err := impostor.Close(); err != nil {
		t.Error(err)
	}
	close(paths)
	for path := range paths {
		if path != "/health" {
			t.Errorf("the impostor got a request for %s", path)
		}
	}
}

// impersonate answers every request on the port of the first instance with 200, from
// the moment that the instance is starting. The channel has the paths of the requests.
func impersonate(t *testing.T, r *daemontest.Running) (io.Closer, chan string) {
	t.Helper()
	var l net.Listener
	daemontest.Eventually(t, "an instance being started", func() bool {
		if len(r.Pool().GetInstances()) == 0 {
			return false
		}
		var err error
		if l, err = net.Listen("tcp", r.Pool().GetInstances()[0].GetAddress()); err != nil {
			t.Fatal(err)
		}
		return true
	})
	paths := make(chan string, 10000)
	server := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path })}
	done := make(chan struct{})
	go func() { // ends with Close
		defer close(done)
		_ = server.Serve(l)
	}()
	return closer(func() error {
		err := server.Close()
		<-done
		return err
	}), paths
}

type closer func() error

func (c closer) Close() error { return c() }
