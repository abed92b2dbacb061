// Package fleettest tests what every [fleet.Fleet] promises.
package fleettest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// limit bounds each wait. Only a test that fails reaches it.
const limit = 30 * time.Second

// Kind is a kind of fleet under test.
type Kind struct {
	// Settings make instances that answer every request with status 200. Requests in
	// flight must be given minutes to end when an instance stops.
	Settings fleet.Settings
	// Changed are settings that take other instances.
	Changed fleet.Settings
	// Foreign tells that another program replaces the instances, in its own order.
	Foreign bool
}

// Contract tests a kind of fleet, in one subtest for each promise.
func Contract(t *testing.T, kind Kind) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, r *running)
	}{
		{"Scale", testScale},
		{"drain", testDrain},
		{"Restart", testRestart},
		{"two restarts", testTwoRestarts},
		{"caller of Restart leaves", testRestartCaller},
		{"Configure", testConfigure},
		{"other kind", testOtherKind},
		{"suspect", testSuspect},
		{"Stop", testStop},
		{"deadline of Stop", testStopDeadline},
		{"context of Run ends", testRunContext},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, run(t, kind)) })
	}
}

// running is a fleet whose Run was called.
type running struct {
	fleet.Fleet
	t        *testing.T
	kind     Kind
	registry *registry.Registry
	kill     func()        // ends the context of Run
	done     chan struct{} // closed when Run has returned
}

// run runs a fleet until the test ends, and checks that no instance remains.
func run(t *testing.T, kind Kind) *running {
	t.Helper()
	reg := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: limit})
	r := &running{t: t, kind: kind, registry: reg, done: make(chan struct{})}
	r.Fleet = kind.Settings.New(fleet.Options{
		Registry: reg, Board: notice.New(reg), Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	r.kill = cancel
	go func() { // ends with its context, below
		defer close(r.done)
		r.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		select {
		case <-r.done:
		case <-time.After(limit):
			t.Fatalf("Run did not return within %v", limit)
		}
		if n := reg.Len(); n > 0 {
			t.Errorf("%d instances remain", n)
		}
	})
	return r
}

// scale sets the target and waits until all instances are ready.
func (r *running) scale(n int) {
	r.t.Helper()
	r.Scale(n, "test")
	r.awaitReady(n)
}

// awaitReady waits until n instances are ready, and no others exist.
func (r *running) awaitReady(n int) {
	r.t.Helper()
	r.await("ready instances", func(s *registry.Snapshot) bool {
		return len(s.Instances) == n && s.Count(registry.Ready) == n
	})
}

// await waits until ok returns true for the state of the registry.
func (r *running) await(what string, ok func(*registry.Snapshot) bool) {
	r.t.Helper()
	changed, stop := r.registry.Watch()
	defer stop()
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	tick := time.NewTicker(10 * time.Millisecond) // ok may look at more than the registry
	defer tick.Stop()
	for {
		s := r.registry.Snapshot()
		if ok(&s) {
			return
		}
		select {
		case <-changed:
		case <-tick.C:
		case <-timeout.C:
			r.t.Fatalf("no %s within %v: %+v", what, limit, s.Instances)
		}
	}
}

// acquire returns the lease of a request.
func (r *running) acquire() registry.Lease {
	r.t.Helper()
	lease, err := r.registry.Acquire(r.t.Context(), registry.Preference{})
	if err != nil {
		r.t.Fatal(err)
	}
	return lease
}

// get sends a request to the instance of the lease.
func (r *running) get(lease registry.Lease) {
	r.t.Helper()
	at := lease.Endpoint()
	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, at.Network, at.Address)
		},
	}}
	response, err := client.Get("http://" + at.Host() + "/")
	if err != nil {
		r.t.Error(err)
		return
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		r.t.Errorf("status %d", response.StatusCode)
	}
}

// ids returns the instances that exist.
func (r *running) ids() map[registry.ID]bool {
	s := r.registry.Snapshot()
	ids := map[registry.ID]bool{}
	for i := range s.Instances {
		ids[s.Instances[i].ID] = true
	}
	return ids
}

// replaced fails the test if an instance in before exists.
func (r *running) replaced(before map[registry.ID]bool) {
	r.t.Helper()
	for id := range r.ids() {
		if before[id] {
			r.t.Errorf("instance %s was not replaced", id)
		}
	}
}

// receive returns the value that a channel gets.
func receive[T any](t *testing.T, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(limit):
		t.Fatalf("no %s within %v", what, limit)
		panic("not reached")
	}
}

// wantClosed fails the test unless err reports that the fleet was stopped.
func wantClosed(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, registry.ErrClosed) {
		t.Errorf("%s: %v, want registry.ErrClosed", what, err)
	}
}
