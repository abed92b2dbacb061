package fleettest

import (
	"context"
	"errors"
	"testing"

	"github.com/dynlb/dynlb/internal/fleet"
	"github.com/dynlb/dynlb/internal/registry"
)

func testScale(t *testing.T, r *running) {
	r.scale(3)
	before := r.ids()
	var leases [3]registry.Lease // one of each instance
	for i := range leases {
		leases[i] = r.acquire()
		r.get(leases[i])
	}
	r.scale(4)
	after := r.ids()
	for id := range before {
		if !after[id] {
			t.Errorf("instance %s did not stay", id)
		}
	}
	r.Scale(3, "test")
	r.await("one instance less", func(s *registry.Snapshot) bool { return len(s.Instances) == 3 })
	for id := range r.ids() {
		if !before[id] {
			t.Errorf("the idle instance stayed, and not %s", id)
		}
	}
	for _, lease := range leases {
		lease.Release()
	}
}

// testDrain: an instance with a request in flight is not stopped.
func testDrain(t *testing.T, r *running) {
	r.scale(1)
	lease := r.acquire()
	r.Scale(0, "test")
	r.await("draining instance", func(s *registry.Snapshot) bool { return s.Count(registry.Draining) == 1 })
	r.get(lease)
	select {
	case <-lease.Dead():
		t.Error("the instance was stopped with a request in flight")
	default:
	}
	lease.Release()
	r.awaitReady(0)
}

// testRestart: all instances are replaced, and at least the target is ready.
func testRestart(t *testing.T, r *running) {
	r.scale(2)
	before := r.ids()
	steps := make(chan [2]int, 100)
	result := make(chan error, 1)
	go func() { // ends with the restart
		result <- r.Restart(context.Background(), 1, "test", func(replaced, total int) { steps <- [2]int{replaced, total} })
	}()
	var err error
	r.await("end of the restart", func(s *registry.Snapshot) bool {
		if ready := s.Count(registry.Ready); ready < 2 && !r.kind.Foreign {
			t.Errorf("%d ready instances", ready)
		}
		if n := s.Count(registry.Starting, registry.Ready); n > 3 && !r.kind.Foreign {
			t.Errorf("%d instances with a surge of 1", n)
		}
		select {
		case err = <-result:
			return true
		default:
			return false
		}
	})
	if err != nil {
		t.Error(err)
	}
	r.awaitReady(2)
	r.replaced(before)
	close(steps)
	last := -1
	for step := range steps {
		if step[0] <= last || step[1] != 2 {
			t.Errorf("progress %d of %d after %d", step[0], step[1], last)
		}
		last = step[0]
	}
	if last != 2 {
		t.Errorf("progress ended at %d, want 2", last)
	}
}

// testTwoRestarts: of two restarts at a time, one fails, or waits for the other.
func testTwoRestarts(t *testing.T, r *running) {
	r.scale(2)
	before := r.ids()
	results := make(chan error, 2)
	for range 2 {
		go func() { results <- r.Restart(context.Background(), 1, "test", func(int, int) {}) }() // ends with the restart
	}
	first, second := receive(t, "result", results), receive(t, "result", results)
	for _, err := range []error{first, second} {
		if err != nil && !errors.Is(err, fleet.ErrRestarting) {
			t.Errorf("Restart: %v", err)
		}
	}
	if first != nil && second != nil {
		t.Error("both failed")
	}
	r.awaitReady(2)
	r.replaced(before)
}

// testRestartCaller: a restart goes on without its caller.
func testRestartCaller(t *testing.T, r *running) {
	r.scale(2)
	before := r.ids()
	ctx, cancel := context.WithCancel(context.Background())
	err := r.Restart(ctx, 1, "test", func(replaced, _ int) {
		if replaced == 0 {
			cancel()
		}
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Restart: %v", err)
	}
	cancel()
	r.await("new instances", func(s *registry.Snapshot) bool {
		for i := range s.Instances {
			if before[s.Instances[i].ID] {
				return false
			}
		}
		return s.Count(registry.Ready) == 2
	})
}

// testConfigure: the same settings replace no instance, changed ones all.
func testConfigure(t *testing.T, r *running) {
	r.scale(2)
	before := r.ids()
	if err := receive(t, "result", r.Configure(r.kind.Settings)); err != nil {
		t.Errorf("the same settings: %v", err)
	}
	for id := range r.ids() {
		if !before[id] {
			t.Error("the same settings replaced an instance")
		}
	}
	if err := receive(t, "result", r.Configure(r.kind.Changed)); err != nil {
		t.Errorf("changed settings: %v", err)
	}
	r.awaitReady(2)
	r.replaced(before)
	lease := r.acquire()
	defer lease.Release()
	r.get(lease)
}

// otherSettings are those of another kind of fleet.
type otherSettings struct{}

func (otherSettings) Kind() string { return "other" }

func (otherSettings) New(fleet.Options) fleet.Fleet { return nil }

func testOtherKind(t *testing.T, r *running) {
	r.scale(1)
	if err := receive(t, "result", r.Configure(otherSettings{})); !errors.Is(err, fleet.ErrKind) {
		t.Errorf("Configure: %v, want fleet.ErrKind", err)
	}
	r.awaitReady(1)
}

// testSuspect: an instance that refused a connection is ready again when it
// answers.
func testSuspect(t *testing.T, r *running) {
	r.scale(1)
	before := r.ids()
	lease := r.acquire()
	lease.ConnRefused()
	lease.Release()
	r.awaitReady(1)
	for id := range r.ids() {
		if !before[id] {
			t.Error("the suspect was replaced, though it answers")
		}
	}
}

// testStop: Stop returns when no instance remains. Later calls have no effect.
func testStop(t *testing.T, r *running) {
	r.scale(2)
	r.Stop(t.Context())
	if n := r.registry.Len(); n > 0 {
		t.Errorf("%d instances after Stop", n)
	}
	receive(t, "end of Run", r.done)
	r.Scale(2, "test")
	if n := r.registry.Len(); n > 0 {
		t.Errorf("%d instances after Scale", n)
	}
	wantClosed(t, "Restart", r.Restart(t.Context(), 1, "test", func(int, int) {}))
	wantClosed(t, "Configure", receive(t, "result", r.Configure(r.kind.Changed)))
	r.Stop(t.Context())
}

// testStopDeadline: Stop does not wait for requests when its context has ended.
func testStopDeadline(t *testing.T, r *running) {
	r.scale(1)
	lease := r.acquire()
	defer lease.Release()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := make(chan struct{})
	go func() { // ends with Run at the latest
		defer close(stopped)
		r.Stop(ctx)
	}()
	receive(t, "end of Stop", stopped)
	if n := r.registry.Len(); n > 0 {
		t.Errorf("%d instances after Stop", n)
	}
}

// testRunContext: Run kills all instances when its context ends.
func testRunContext(t *testing.T, r *running) {
	r.scale(2)
	lease := r.acquire()
	defer lease.Release()
	r.kill()
	receive(t, "end of Run", r.done)
	receive(t, "end of the instance", lease.Dead())
}
