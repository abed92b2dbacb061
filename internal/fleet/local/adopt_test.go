package local

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/process"
	"github.com/dynlb/dynlb/internal/registry"
)

// ranBefore is a keeper whose instances are of this process.
type ranBefore struct {
	mu      sync.Mutex
	running []Running
	started []process.Spec
}

func (k *ranBefore) Start(spec process.Spec) (*process.Process, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.started = append(k.started, spec)
	return process.Start(spec)
}

func (k *ranBefore) Adopt(string) []Running {
	k.mu.Lock()
	defer k.mu.Unlock()
	all := k.running
	k.running = nil
	return all
}

// add adds an instance that answers health checks.
func (k *ranBefore) add(t *testing.T, id registry.ID, l Label, stopping bool) *process.Process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go func() { _ = server.Serve(listener) }() // ends with Close
	t.Cleanup(func() { _ = server.Close() })
	l.Port = listener.Addr().(*net.TCPAddr).Port
	p, err := process.Start(process.Spec{Argv: []string{"sleep", "600"}, Env: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill(); <-p.Done() })
	k.running = append(k.running, Running{
		ID: id, PID: p.PID(), Label: l, Stopping: stopping,
		Process: func(func(*process.Pipes), func(process.Line) error, func(uint64)) *process.Process { return p },
	})
	return p
}

// TestAdopt: instances that run already are probed and serve, with their IDs. One of
// another program is replaced by one that is started; one that was told to end is stopped.
func TestAdopt(t *testing.T) {
	t.Parallel()
	keeper := &ranBefore{}
	settings := Settings{
		Program:  Program{Argv: func(int) []string { return []string{"sleep", "600"} }, HealthPath: "/health"},
		BasePort: 41100, Keeper: keeper, CheckInterval: time.Second, HealthTimeout: time.Second, RequestTimeout: time.Second,
		StartTimeout: time.Minute, DrainTimeout: time.Second, StopTimeout: time.Second,
	}
	same := keeper.add(t, "same", Label{App: "web", Program: settings.Program.fingerprint()}, false)
	other := keeper.add(t, "other", Label{App: "web", Program: "another"}, false)
	ending := keeper.add(t, "ending", Label{App: "web", Program: settings.Program.fingerprint()}, true)
	reg := registry.New(registry.Options{QueueLimit: 1, QueueTimeout: time.Minute})
	f := New(fleet.Options{App: "web", Registry: reg, Board: notice.New(reg), Log: slog.New(slog.DiscardHandler)}, settings)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.Run(ctx)
	}()
	defer func() { cancel(); <-done }()
	f.Scale(1, "test")
	<-ending.Done()
	<-other.Done() // above the target: the outdated one goes
	await(t, "one ready instance", func() bool {
		s := reg.Snapshot()
		return len(s.Instances) == 1 && s.Instances[0].ID == "same" && s.Instances[0].State == registry.Ready
	})
	if syscall.Kill(same.PID(), 0) != nil {
		t.Error("the instance has ended")
	}
	keeper.mu.Lock()
	before := len(keeper.started) // one if the other program was being replaced before Scale came
	keeper.mu.Unlock()
	f.Scale(2, "test")
	await(t, "a start by the keeper", func() bool {
		keeper.mu.Lock()
		defer keeper.mu.Unlock()
		return len(keeper.started) == before+1
	})
	keeper.mu.Lock()
	defer keeper.mu.Unlock()
	var label Label
	if err := json.Unmarshal(keeper.started[before].Label, &label); err != nil || label.App != "web" || label.Port == 0 {
		t.Errorf("label %s, %v", keeper.started[before].Label, err)
	}
}

// await waits until a condition holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !holds(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
