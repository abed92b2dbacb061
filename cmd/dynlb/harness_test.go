package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/proxy"
)

// asDynlb in the environment makes the test binary dynlb itself, so that tests
// can send signals to a real process.
const asDynlb = "DYNLB_TEST_AS_DYNLB"

func TestMain(m *testing.M) {
	if os.Getenv(asDynlb) != "" {
		main()
	}
	// The goroutine that spawns never ends: its thread is the children's parent.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/dynlb/dynlb/internal/process.spawnLoop"))
}

// within is how long anything may take that is awaited: a bound for what hangs,
// not a measure.
const within = 30 * time.Second

// eventually waits until ok says so.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(within)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", within, what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ports hands out ranges of a hundred ports for instances, below the kernel's
// ephemeral ones, so that tests at the same time keep apart.
var ports atomic.Int32

func portRange() int { return 20000 + (os.Getpid()%40)*300 + int(ports.Add(1)%3)*100 }

// bun returns the folder of the Bun that `make test` installs.
func bun(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("../../examples/bun/node_modules/.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "bun")); err != nil {
		t.Fatalf("Bun is missing (%v): run make test, or npm ci in examples/bun", err)
	}
	return dir
}

// withBun puts Bun on the PATH.
func withBun(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", bun(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
}

// bunApp is the example app, as a location in a config.
func bunApp(t testing.TB) string {
	t.Helper()
	path, err := filepath.Abs("../../examples/bun/app.ts")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// listenAnywhere is what a test's config has besides its subject.
func listenAnywhere(basePort int) string {
	return fmt.Sprintf("\nlisten: 127.0.0.1:0\nadmin: 127.0.0.1:0\nadminHTTP: 127.0.0.1:0\nbasePort: %d\n", basePort)
}

// running is a daemon in this process.
type running struct {
	t        testing.TB
	url      string // of the public listener
	adminURL string
	admin    string // host:port
	client   dynlbv1.ControlClient
	basePort int
	dir      string            // where the config says it is
	reload   func(yaml string) // has another config read, and does not wait for what it does
	log      *safeBuffer
	stop     func() error // shuts down and waits
}

// start runs a daemon with a config, in this process, until the test ends. Its
// client has what the config says of auth, and what the flags do.
func start(t *testing.T, yaml string, flags ...string) *running {
	t.Helper()
	basePort := portRange()
	dir := t.TempDir()
	parse := func(yaml string) (config.Config, error) {
		return config.Parse("config.yaml", []byte(yaml+listenAnywhere(basePort)), dir, nil)
	}
	settings, err := parse(yaml)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, basePort: basePort, dir: dir, log: &safeBuffer{}}
	log := slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if builtIn(&settings) {
		t.Setenv(asDynlb, "1") // the test binary is the demo backend too
	}
	p, err := newPlan(settings)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDaemon(p, proxy.EngineAuto, &logs{own: log, instances: log})
	if err != nil {
		t.Fatal(err)
	}
	reloads := make(chan string)
	next := yaml // is read by run, after it got a value of reloads
	r.reload = func(yaml string) {
		next = yaml
		reloads <- "test"
	}
	public, admin, adminHTTP := d.public.Addr().String(), d.control.Load().admin.Addr().String(), d.control.Load().adminHTTP.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() {
		result <- d.run(ctx, context.Background(), reloads, func() (config.Config, error) { return parse(next) })
	}()
	r.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-result:
			return err
		case <-time.After(within):
			return fmt.Errorf("run did not return within %v", within)
		}
	})
	r.url = "http://" + public
	r.adminURL = "http://" + adminHTTP
	r.admin = admin
	var id identity
	cmd := &cobra.Command{}
	id.register(cmd)
	if err := cmd.ParseFlags(flags); err != nil {
		t.Fatal(err)
	}
	dialOptions, err := id.dialOptions("127.0.0.1", &settings.Auth)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient("passthrough:///"+r.admin, dialOptions...)
	if err != nil {
		t.Fatal(err)
	}
	r.client = dynlbv1.NewControlClient(conn)
	t.Cleanup(func() {
		_ = conn.Close()
		if err := r.stop(); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
		if left := instancesOn(basePort); len(left) > 0 {
			t.Errorf("left behind: processes %v", left)
		}
		if t.Failed() {
			t.Logf("log:\n%s", r.log.String())
		}
	})
	return r
}

// pool returns the whole state.
func (r *running) pool() *dynlbv1.Pool {
	r.t.Helper()
	response, err := r.client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{})
	if err != nil {
		r.t.Fatal(err)
	}
	return response.GetPool()
}

// ready returns how many instances are ready.
func (r *running) ready() int {
	n := 0
	for _, in := range r.pool().GetInstances() {
		if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
			n++
		}
	}
	return n
}

// awaitReady waits until n instances are ready, and no others exist.
func (r *running) awaitReady(n int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d ready instances", n), func() bool {
		return r.ready() == n && len(r.pool().GetInstances()) == n
	})
}

// get returns the status and body of a GET.
func (r *running) get(url string) (status int, body string) {
	r.t.Helper()
	response, err := http.Get(url)
	if err != nil {
		r.t.Error(err)
		return 0, ""
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Error(err)
	}
	return response.StatusCode, string(data)
}

// pids returns the process ids of the instances that have one, from their handles.
func (r *running) pids() []int {
	r.t.Helper()
	var out []int
	for _, in := range r.pool().GetInstances() {
		if in.GetHandle() == "" {
			continue // it is being started
		}
		pid, err := strconv.Atoi(strings.TrimPrefix(in.GetHandle(), "pid "))
		if err != nil {
			r.t.Fatalf("handle %q", in.GetHandle())
		}
		out = append(out, pid)
	}
	return out
}

// instancesOn returns the processes that were told to listen on one of the
// hundred ports from basePort, found by their command lines.
func instancesOn(basePort int) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	var out []int
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // gone
		}
		args := strings.Split(string(data), "\x00")
		for i, arg := range args {
			if arg != "--port" || i+1 == len(args) {
				continue
			}
			if port, err := strconv.Atoi(args[i+1]); err == nil && port >= basePort && port < basePort+100 {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				out = append(out, pid)
			}
		}
	}
	return out
}

// safeBuffer is a buffer for more than one goroutine.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func decode[T any](t testing.TB, data string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(data), &v); err != nil {
		t.Fatalf("%v in %q", err, data)
	}
	return v
}
