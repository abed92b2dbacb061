// Package fleettest tests what every fleet.Fleet promises.
package fleettest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/notice"
	"github.com/dynlb/dynlb/internal/registry"
)

// limit bounds each wait. It is reached only when a test fails.
const limit = 30 * time.Second

// bench is a fleet under test.
type bench struct {
	fleet.Fleet
	t        *testing.T
	registry *registry.Registry
}

// Contract runs the fleet that settings make through its life: it grows, serves, is
// replaced, shrinks and stops. other are settings of another kind.
func Contract(t *testing.T, settings, other fleet.Settings) {
	t.Helper()
	r := registry.New(registry.Options{QueueLimit: 100, QueueTimeout: limit})
	b := &bench{t: t, registry: r, Fleet: settings.New(fleet.Options{
		Registry: r, Board: notice.New(r), Log: slog.New(slog.DiscardHandler),
	})}
	ran := make(chan struct{})
	go func() { // ends with Stop, below
		defer close(ran)
		b.Run(context.Background())
	}()
	b.Scale(3, "test")
	b.await("3 ready instances", func(s *registry.Snapshot) bool { return len(s.Instances) == 3 && s.Count(registry.Ready) == 3 })
	b.get()
	old := b.ids()
	steps := 0
	if err := b.Restart(t.Context(), 1, "test", func(_, total int) { steps = total }); err != nil {
		t.Fatal(err)
	}
	if steps != 3 {
		t.Errorf("progress counts %d instances, want 3", steps)
	}
	b.await("3 new instances", func(s *registry.Snapshot) bool { return len(s.Instances) == 3 && s.Count(registry.Ready) == 3 })
	for id := range b.ids() {
		if old[id] {
			t.Errorf("instance %s was not replaced", id)
		}
	}
	b.Scale(1, "test")
	b.await("1 instance", func(s *registry.Snapshot) bool { return len(s.Instances) == 1 })
	b.get()
	if err := <-b.Configure(other); err == nil {
		t.Error("settings of another kind were taken")
	}
	b.drains()
	b.Stop(t.Context())
	<-ran
	if n := r.Len(); n > 0 {
		t.Errorf("%d instances are left", n)
	}
	b.Scale(2, "too late")
	if n := r.Len(); n > 0 {
		t.Errorf("%d instances after Stop", n)
	}
}

// await waits until the registry is as it should be.
func (b *bench) await(what string, ok func(*registry.Snapshot) bool) {
	b.t.Helper()
	changed, stop := b.registry.Watch()
	defer stop()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		s := b.registry.Snapshot()
		if ok(&s) {
			return
		}
		select {
		case <-changed:
		case <-late.C:
			b.t.Fatalf("no %s after %v: %+v", what, limit, s.Instances)
		}
	}
}

func (b *bench) ids() map[registry.ID]bool {
	s := b.registry.Snapshot()
	ids := map[registry.ID]bool{}
	for i := range s.Instances {
		ids[s.Instances[i].ID] = true
	}
	return ids
}

// get sends a request to the instance that the registry picks.
func (b *bench) get() {
	b.t.Helper()
	lease, err := b.registry.Acquire(b.t.Context(), registry.Preference{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer lease.Release()
	response, err := http.Get("http://" + lease.Endpoint().Address + "/")
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		b.t.Errorf("status %d, %v", response.StatusCode, err)
	}
}

// drains checks that an instance with a request in flight stays until the request
// has ended.
func (b *bench) drains() {
	b.t.Helper()
	lease, err := b.registry.Acquire(b.t.Context(), registry.Preference{})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Scale(0, "test")
	b.await("draining instance", func(s *registry.Snapshot) bool { return s.Count(registry.Draining) == 1 })
	select {
	case <-lease.Dead():
		b.t.Error("the instance was stopped with a request in flight")
	default:
	}
	lease.Release()
	b.await("no instance", func(s *registry.Snapshot) bool { return len(s.Instances) == 0 })
}
