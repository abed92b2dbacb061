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
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/registry"
)

// crampedVariable makes the test binary run crampedProxy and nothing else.
const crampedVariable = "DYNLB_TEST_CRAMPED"

// crampedState is what a proxy without file descriptors says of itself.
type crampedState struct {
	Failures int           // to accept a connection
	CPU      time.Duration // of the process
	Ready    int           // instances
}

// TestCrampedProxy is not a test, but the process that TestOutOfDescriptors is
// about: a proxy and its instance with few file descriptors, until its input ends.
func TestCrampedProxy(t *testing.T) {
	if os.Getenv(crampedVariable) == "" {
		t.Skip("for TestOutOfDescriptors")
	}
	var f *front
	release := make(chan struct{})
	f = newProxy(t, setup{instances: []string{server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/wait":
			<-release
		case "/release":
			close(release)
		case "/state":
			var usage syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
			snapshot := f.registry.Snapshot()
			_ = json.NewEncoder(w).Encode(crampedState{
				Failures: strings.Count(f.log.String(), "http: Accept error"),
				CPU:      time.Duration(usage.Utime.Nano() + usage.Stime.Nano()),
				Ready:    snapshot.Count(registry.Ready),
			})
		}
	})}})
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
func cramped(t *testing.T) string {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrampedProxy$")
	cmd.Env = append(os.Environ(), crampedVariable+"=1")
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

// TestOutOfDescriptors: a proxy that cannot accept connections tries again now
// and then, goes on with those it has, does not blame the instances, and
// recovers.
func TestOutOfDescriptors(t *testing.T) {
	address := cramped(t)
	ask := func(c *rawConn, path string) *http.Response {
		t.Helper()
		c.send("GET " + path + " HTTP/1.1\nHost: a\n\n")
		res, err := http.ReadResponse(c.r, nil)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	live, other := dial(t, address), dial(t, address)
	look := func() (s crampedState) {
		t.Helper()
		if err := json.Unmarshal([]byte(readAll(t, ask(live, "/state"))), &s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	look()
	readAll(t, ask(other, "/"))
	var crowd []*rawConn
	for range 64 {
		crowd = append(crowd, dial(t, address))
	}
	for look().Failures == 0 {
		time.Sleep(time.Millisecond) // nobody tells
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

	other.send("GET /wait HTTP/1.1\nHost: a\n\n") // takes the only connection to the instance
	for deadline := time.Now().Add(patience); ; {
		res := ask(live, "/state")
		if res.StatusCode == http.StatusOK { // it was faster
			readAll(t, res)
			if time.Now().After(deadline) {
				t.Fatal("there are descriptors")
			}
			continue
		}
		if got := res.Header.Get("Retry-After"); got != "1" {
			t.Errorf("Retry-After %q", got)
		}
		wantFault(t, res, 503, `"reason":"too many open files"`)
		break
	}
	for _, c := range crowd {
		_ = c.Close()
	}
	readAll(t, ask(dial(t, address), "/release"))
	res, err := http.ReadResponse(other.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	readAll(t, res)
	if got := look(); got.Ready != 1 {
		t.Errorf("%d instances ready, want 1", got.Ready)
	}
}
