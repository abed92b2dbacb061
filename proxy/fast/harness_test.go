//go:build linux

package fast

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dynlb/dynlb/internal/registry"
	"github.com/dynlb/dynlb/proxy/eventloop"
	"github.com/dynlb/dynlb/proxy/outcome"
	"github.com/dynlb/dynlb/proxy/policy"
	"github.com/dynlb/dynlb/proxy/route"
	"github.com/dynlb/dynlb/proxy/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(leakless{m}) }

// leakless runs the tests, and fails unless all descriptors are closed then.
type leakless struct{ m *testing.M }

func (l leakless) Run() int {
	if first, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		_ = first.Close() // package net has its descriptors now
	}
	before := descriptors()
	code := l.m.Run()
	for deadline := time.Now().Add(5 * time.Second); descriptors() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			fmt.Fprintf(os.Stderr, "%d descriptors, %d before\n", descriptors(), before)
			return 1
		}
	}
	return code
}

// descriptors returns how many descriptors the process has.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		panic(err)
	}
	return len(list)
}

// panics is the status of a response that the engine panics at.
const panics = 299

// lane is an engine under test.
type lane struct {
	*Engine
	address  string
	app      *route.App
	registry *registry.Registry // of app
	records  chan int
	log      *logBuffer
}

// with returns settings that are in force.
func with(s settings.Settings) *atomic.Pointer[settings.Settings] {
	p := &atomic.Pointer[settings.Settings]{}
	s = s.WithDefaults()
	p.Store(&s)
	return p
}

// within returns a router to one app whose instances have a limited time to respond.
func within(limit time.Duration) route.Router {
	r := registry.New(registry.Options{QueueLimit: 1024, QueueTimeout: 10 * time.Second})
	return route.Single(route.NewApp("default", r, route.Settings{RequestTimeout: limit}))
}

// over returns a router to one app with a registry.
func over(r *registry.Registry) route.Router {
	return route.Single(route.NewApp("default", r, route.Settings{}))
}

// serve runs an engine over instances. When the test ends it must have nothing
// left: no request in flight, no buffer in use, no connection.
func serve(t testing.TB, options Options, instances ...string) *lane {
	t.Helper()
	if options.Settings == nil {
		options.Settings = with(settings.Settings{})
	}
	if options.Router == nil {
		options.Router = over(registry.New(registry.Options{QueueLimit: 1024, QueueTimeout: 10 * time.Second}))
	}
	f := &lane{app: options.Router.Apps()[0], records: make(chan int, 1<<16), log: &logBuffer{}}
	f.registry = f.app.Registry()
	if options.Conduct == nil {
		options.Conduct = new(policy.Conduct)
		for _, address := range instances {
			trust(options.Conduct.Of(registry.Endpoint{Network: "tcp", Address: address}))
		}
	}
	for _, address := range instances {
		addInstance(t, f.registry, address)
	}
	if options.Record == nil {
		options.Record = func(o *outcome.Outcome) {
			if o.Code == panics {
				panic("a fault of ours")
			}
			f.records <- o.Code
		}
	}
	options.Log = slog.New(slog.NewTextHandler(f.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var err error
	if f.Engine, err = New(options); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.address = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- f.Serve(l) }()
	for len(f.group.Loops()) == 0 {
		time.Sleep(time.Millisecond) // Serve starts them, and does not report it
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := f.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		f.empty(t)
	})
	return f
}

// empty fails the test unless an engine that is shut down has nothing left.
func (f *lane) empty(t testing.TB) {
	t.Helper()
	for _, w := range f.workers() {
		conns := 0
		w.loop.Conns(func(*eventloop.Conn) { conns++ })
		if buffers := w.loop.Buffers().InUse(); buffers != 0 || w.loop.Busy() != 0 || conns != 0 || w.lingering != 0 || w.sessions != 0 {
			t.Errorf("left: %d buffers, %d in flight, %d connections, %d lingering, %d sessions", buffers, w.loop.Busy(), conns, w.lingering, w.sessions)
		}
	}
	if n := f.beyond.Load(); n != 0 {
		t.Errorf("%d streams counted", n)
	}
	if open, upstreams := f.group.Open(), f.Engine.upstreams.Load(); open != 0 || upstreams != 0 {
		t.Errorf("%d connections of clients counted, %d to instances", open, upstreams)
	}
	if n := f.inFlight(); n != 0 {
		t.Errorf("%d claims left", n)
	}
}

// trust makes an instance proven: it is not expected to send stray bytes.
func trust(tidiness *policy.Tidiness) {
	for tidiness.After(true) == policy.Rest {
		tidiness.Rested(true, true)
	}
}

// workers returns the workers.
func (f *lane) workers() []*worker {
	var list []*worker
	for _, l := range f.group.Loops() {
		list = append(list, workerOf(l))
	}
	return list
}

// configure puts new settings in force.
func (f *lane) configure(s settings.Settings) {
	s = s.WithDefaults()
	f.settings.Store(&s)
	f.Reconfigured()
}

// inFlight returns the requests in flight on all instances.
func (f *lane) inFlight() int {
	n := 0
	snapshot := f.registry.Snapshot()
	for i := range snapshot.Instances {
		n += snapshot.Instances[i].InFlight
	}
	return n
}

// recorded waits for the next request to be recorded.
func (f *lane) recorded(t testing.TB, code int) {
	t.Helper()
	select {
	case got := <-f.records:
		if got != code {
			t.Errorf("recorded %d, want %d; log: %s", got, code, f.log)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("nothing recorded; log: %s", f.log)
	}
}

// inWorkers runs do on each worker, and waits for it.
func (f *lane) inWorkers(do func(w *worker)) {
	var done sync.WaitGroup
	for _, w := range f.workers() {
		done.Add(1)
		w.loop.Post(eventloop.Func(func() { do(w); done.Done() }))
	}
	done.Wait()
}

// clients returns the clients that are in a state.
func (w *worker) clients(state clientState) (list []*client) {
	w.loop.Conns(func(conn *eventloop.Conn) {
		if c, ok := conn.Handler().(*client); ok && c.state == state {
			list = append(list, c)
		}
	})
	return list
}

// upstreams returns the connections to instances that are in a state.
func (w *worker) upstreams(state upstreamState) (list []*upstream) {
	w.loop.Conns(func(conn *eventloop.Conn) {
		if u, ok := conn.Handler().(*upstream); ok && u.state == state {
			list = append(list, u)
		}
	})
	return list
}

// exchanging returns the one client that has a request under way.
func (f *lane) exchanging(t testing.TB) *client {
	t.Helper()
	var list []*client
	var mu sync.Mutex
	f.inWorkers(func(w *worker) {
		mu.Lock()
		defer mu.Unlock()
		list = append(list, w.clients(exchanging)...)
	})
	if len(list) != 1 {
		t.Fatalf("%d requests are under way, want 1", len(list))
	}
	return list[0]
}

// logBuffer is a log that a test can read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// awaitRequest waits until a worker has read a part of a request's head.
func (f *lane) awaitRequest(t testing.TB) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		n := 0
		var mu sync.Mutex
		f.inWorkers(func(w *worker) {
			mu.Lock()
			defer mu.Unlock()
			for _, c := range w.clients(awaiting) {
				if c.head != nil {
					n++
				}
			}
		})
		if n > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no part of a request was read")
		}
	}
}
