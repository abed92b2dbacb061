//go:build unix

package proxy_test

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy"
	"github.com/dynlb/dynlb/proxy/proxytest"
)

// crampedVariable makes the test binary run TestCrampedProxy over the instance
// that it names.
const crampedVariable = "DYNLB_TEST_CRAMPED"

// crampedState is what a proxy without file descriptors says of itself.
type crampedState struct {
	Failures int           // because there were no descriptors
	CPU      time.Duration // of the process
	Ready    int           // instances
}

// TestCrampedProxy is the process that TestOutOfDescriptors starts: a proxy with few
// file descriptors, which runs until its input ends.
func TestCrampedProxy(t *testing.T) {
	instance := os.Getenv(crampedVariable)
	if instance == "" {
		t.Skip("for TestOutOfDescriptors")
	}
	var front atomic.Pointer[front]
	status := func(w http.ResponseWriter, _ *http.Request) {
		var usage syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
		f := front.Load()
		snapshot := f.registry.Snapshot()
		_ = json.NewEncoder(w).Encode(crampedState{
			Failures: strings.Count(f.log.String(), "too many open files"),
			CPU:      time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
			Ready:    snapshot.Count(registry.Ready),
		})
	}
	f := newProxy(t, setup{instances: []string{instance}, options: proxy.Options{Status: http.HandlerFunc(status)}})
	front.Store(f)
	limit := syscall.Rlimit{}
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	limit.Cur = 40
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString(f.address + "\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// cramped starts such a process, and returns the proxy's address.
func cramped(t *testing.T, instance string) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrampedProxy$")
	cmd.Env = append(os.Environ(), crampedVariable+"="+instance, engineVariable+"="+string(engine))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	output := bufio.NewReader(stdout)
	t.Cleanup(func() {
		_ = stdin.Close()
		rest, _ := io.ReadAll(output)
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, rest)
		}
	})
	address, err := output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(address)
}

// TestOutOfDescriptors checks that a proxy that cannot accept connections tries again
// at intervals, serves the open connections, does not blame the instances, and
// recovers.
func TestOutOfDescriptors(t *testing.T) {
	plainOnly(t)
	if testing.Short() {
		t.Skip("takes long")
	}
	arrived, release := make(chan struct{}, 1), make(chan struct{})
	address := cramped(t, server(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			arrived <- struct{}{}
			<-release
		}
	}))
	answer := func(c *proxytest.Peer) *http.Response {
		t.Helper()
		res, err := http.ReadResponse(c.R, nil)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	ask := func(c *proxytest.Peer, path string) *http.Response {
		t.Helper()
		c.Send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		return answer(c)
	}
	status := proxytest.Dial(t, address)
	look := func() (s crampedState) {
		t.Helper()
		if err := json.Unmarshal([]byte(readAll(t, ask(status, "/lb-status"))), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	look()
	var live, crowd []*proxytest.Peer
	for range 8 {
		c := proxytest.Dial(t, address)
		readAll(t, ask(c, "/"))
		live = append(live, c)
	}
	for range 64 {
		crowd = append(crowd, proxytest.Dial(t, address))
	}
	for look().Failures == 0 {
		time.Sleep(time.Millisecond) // nothing notifies
	}
	first := look()
	time.Sleep(time.Second)
	last := look()
	if n := last.Failures - first.Failures; n > 20 {
		t.Errorf("tried to accept %d times in a second", n)
	}
	if cpu := last.CPU - first.CPU; cpu > 500*time.Millisecond {
		t.Errorf("took %v of a second", cpu)
	}

	// Those that are open go on, until all connections to the instance are in use.
	var waiting []*proxytest.Peer
	var refused *http.Response
	for _, c := range live {
		if res := ask(c, "/"); res.StatusCode != http.StatusOK {
			refused = res
			break
		}
		c.Send("GET /wait HTTP/1.1\nHost: a\n\n")
		wait(t, arrived, "request")
		waiting = append(waiting, c)
	}
	if refused == nil || len(waiting) == 0 {
		t.Fatalf("%d of %d were served", len(waiting), len(live))
	}
	if got := refused.Header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	wantFault(t, refused, 503, `"reason":"too many open files"`)
	for _, c := range crowd {
		_ = c.Close()
	}
	// The proxy may accept the next one before it has seen the end of enough of them.
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		res := ask(proxytest.Dial(t, address), "/")
		if res.StatusCode == http.StatusOK {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("when there are descriptors again: %d", res.StatusCode)
		}
	}
	close(release)
	for _, c := range waiting {
		if res := answer(c); res.StatusCode != http.StatusOK {
			t.Errorf("a request in flight: %d", res.StatusCode)
		}
	}
	if got := look(); got.Ready != 1 {
		t.Errorf("%d instances ready, want 1", got.Ready)
	}
}
