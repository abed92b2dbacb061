package daemontest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"

	dynlbv1 "github.com/dynlb/dynlb/gen/dynlb/v1"
	"github.com/dynlb/dynlb/internal/config"
	"github.com/dynlb/dynlb/internal/daemon"
	"github.com/dynlb/dynlb/proxy"
)

// Running is a daemon in the process of a test.
type Running struct {
	t        testing.TB
	URL      string // of the public listener
	AdminURL string // of the admin HTTP listener
	Admin    string // host:port of the gRPC listener
	Client   dynlbv1.ControlClient
	BasePort int
	Log      *Buffer

	daemon *daemon.Daemon
	stop   func() error

	mu   sync.Mutex // guards yaml
	yaml string     // what a reload reads
}

// Start runs a daemon with a config and free ports, until the test ends. Its
// client proves itself as the config's auth asks, with the given certificates.
func Start(t testing.TB, yaml string, certificates ...tls.Certificate) *Running {
	t.Helper()
	r := &Running{t: t, yaml: yaml, BasePort: PortRange(t), Log: &Buffer{}}
	dir := t.TempDir()
	load := func() (config.Config, error) {
		r.mu.Lock()
		defer r.mu.Unlock()
		return config.Parse("config.yaml", []byte(Complete(r.yaml, r.BasePort)), dir, nil)
	}
	settings, err := load()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(r.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r.daemon, err = daemon.New(daemon.Options{Config: settings, Load: load, Engine: proxy.EngineAuto, Log: log, Version: "(test)"})
	if err != nil {
		t.Fatal(err)
	}
	at := r.daemon.Addresses()
	r.URL, r.AdminURL, r.Admin = "http://"+at.Listen, "http://"+at.AdminHTTP, at.Admin
	r.run()
	conn := dial(t, r.Admin, settings.Auth, certificates)
	r.Client = dynlbv1.NewControlClient(conn)
	t.Cleanup(func() { r.end(conn) })
	return r
}

// run has the daemon run until stop is called.
func (r *Running) run() {
	ctx, cancel := context.WithCancel(context.Background())
	result := make(chan error, 1)
	go func() { result <- r.daemon.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-result:
			return err
		case <-time.After(Within):
			return fmt.Errorf("the daemon did not stop within %v", Within)
		}
	})
}

// end stops the daemon, if that runs, and looks at what is left.
func (r *Running) end(conn *grpc.ClientConn) {
	_ = conn.Close()
	if err := r.stop(); err != nil {
		r.t.Errorf("shutdown: %v", err)
	}
	http.DefaultClient.CloseIdleConnections()
	if left := InstancesOn(r.BasePort); len(left) > 0 {
		r.t.Errorf("left behind: processes %v", left)
	}
	if r.t.Failed() {
		r.t.Logf("log:\n%s", r.Log.String())
	}
}

// Stop shuts the daemon down and returns what Run did.
func (r *Running) Stop() error { return r.stop() }

// Reload has the daemon read another config, and does not wait for that.
func (r *Running) Reload(yaml string) {
	r.SetConfig(yaml)
	r.daemon.Reload("test")
}

// SetConfig sets what the next reload reads.
func (r *Running) SetConfig(yaml string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.yaml = yaml
}

// Pool returns the whole state of the only app.
func (r *Running) Pool() *dynlbv1.Pool {
	r.t.Helper()
	return r.PoolOf("")
}

// PoolOf returns the whole state of an app.
func (r *Running) PoolOf(app string) *dynlbv1.Pool {
	r.t.Helper()
	response, err := r.Client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{App: app})
	if err != nil {
		r.t.Fatal(err)
	}
	return response.GetPool()
}

// Ready returns how many instances are ready.
func (r *Running) Ready() int {
	r.t.Helper()
	n := 0
	for _, in := range r.Pool().GetInstances() {
		if in.GetState() == dynlbv1.InstanceState_INSTANCE_STATE_READY {
			n++
		}
	}
	return n
}

// AwaitReadyOf waits until there is an app, n instances of it are ready, and no others of
// it exist.
func (r *Running) AwaitReadyOf(app string, n int) {
	r.t.Helper()
	Eventually(r.t, fmt.Sprintf("%d ready instances of %s", n, app), func() bool {
		response, err := r.Client.GetStatus(context.Background(), &dynlbv1.GetStatusRequest{App: app})
		all := response.GetPool().GetInstances()
		for _, in := range all {
			if in.GetState() != dynlbv1.InstanceState_INSTANCE_STATE_READY {
				return false
			}
		}
		return err == nil && len(all) == n
	})
}

// AwaitReady waits until n instances are ready, and no others exist.
func (r *Running) AwaitReady(n int) {
	r.t.Helper()
	Eventually(r.t, fmt.Sprintf("%d ready instances", n), func() bool {
		return r.Ready() == n && len(r.Pool().GetInstances()) == n
	})
}

// Get returns the status and body of a GET.
func (r *Running) Get(url string) (status int, body string) {
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

// PIDs returns the process ids of the instances that have one, from their handles.
func (r *Running) PIDs() []int {
	r.t.Helper()
	return r.PIDsOf("")
}

// PIDsOf returns those of the instances of an app.
func (r *Running) PIDsOf(app string) []int {
	r.t.Helper()
	var out []int
	for _, in := range r.PoolOf(app).GetInstances() {
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
