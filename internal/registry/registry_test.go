package registry

import (
	"errors"
	"testing"
)

// add registers an instance and moves it to state.
func add(t testing.TB, r *Registry, state State) ID {
	t.Helper()
	id := r.Add(Spec{Endpoint: TCP("127.0.0.1", 5001+r.Len()), Port: 5001 + r.Len(), Reason: "test"})
	if state == Unhealthy {
		move(t, r, id, Ready)
	}
	if state != Starting {
		move(t, r, id, state)
	}
	return id
}

func move(t testing.TB, r *Registry, id ID, state State) {
	t.Helper()
	if err := r.Transition(id, state, "test"); err != nil {
		t.Fatal(err)
	}
}

// acquire takes a lease that must be there at once.
func acquire(t testing.TB, r *Registry) Lease {
	t.Helper()
	lease, err := r.Acquire(t.Context(), Preference{})
	if err != nil {
		t.Fatalf("Acquire: %v", err)
	}
	return lease
}

// instance returns the snapshot of one instance.
func snapshotOf(t testing.TB, r *Registry, id ID) Instance {
	t.Helper()
	for _, in := range r.Snapshot().Instances {
		if in.ID == id {
			return in
		}
	}
	t.Fatalf("instance %s is not in the snapshot", id)
	return Instance{}
}

func TestOnlyReadyInstancesGetRequests(t *testing.T) {
	for _, state := range []State{Starting, Unhealthy, Draining, Stopped} {
		r := New(Options{})
		add(t, r, state)
		if lease, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrQueueFull) {
			t.Errorf("%v: Acquire = %v, %v; want ErrQueueFull", state, lease, err)
		}
	}
}

func TestTransitionOutsideTheLifeCycle(t *testing.T) {
	r := New(Options{})
	id := add(t, r, Starting)
	if err := r.Transition(id, Unhealthy, "test"); err == nil {
		t.Error("a starting instance became unhealthy")
	}
	if got := snapshotOf(t, r, id).State; got != Starting {
		t.Errorf("state after a refused step: %v", got)
	}
	if err := r.Transition("nobody", Ready, "test"); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("unknown instance: %v", err)
	}
}

func TestStoppedInstancesAreForgotten(t *testing.T) {
	r := New(Options{})
	first, second := add(t, r, Ready), add(t, r, Ready)
	lease := acquire(t, r)
	if lease.ID() != first {
		t.Fatalf("got %s, want the first", lease.ID())
	}
	move(t, r, first, Stopped)
	if s := r.Snapshot(); len(s.Instances) != 1 || s.Instances[0].ID != second {
		t.Errorf("instances after one stopped: %+v", s.Instances)
	}
	lease.Release() // of an instance that is gone
	if got := acquire(t, r); got.ID() != second {
		t.Errorf("got %s, want the one that is left", got.ID())
	}
}

func TestDrain(t *testing.T) {
	r := New(Options{})
	id := add(t, r, Ready)
	one, two := acquire(t, r), acquire(t, r)
	drained, err := r.Drain(id, "test")
	if err != nil {
		t.Fatal(err)
	}
	one.Release()
	select {
	case <-drained:
		t.Fatal("drained with a request in flight")
	default:
	}
	two.Release()
	<-drained

	idle := add(t, r, Ready)
	drained, err = r.Drain(idle, "test")
	if err != nil {
		t.Fatal(err)
	}
	<-drained // nothing was in flight
	if _, err := r.Drain(idle, "test"); err == nil {
		t.Error("drained twice")
	}
}

func TestDrainingInstanceTakenBack(t *testing.T) {
	r := New(Options{})
	id := add(t, r, Ready)
	first := acquire(t, r)
	drained, err := r.Drain(id, "test")
	if err != nil {
		t.Fatal(err)
	}
	move(t, r, id, Ready)
	second := acquire(t, r)
	again, err := r.Drain(id, "test")
	if err != nil {
		t.Fatal(err)
	}
	first.Release()
	second.Release()
	<-again
	select {
	case <-drained:
		t.Error("a drain that was called off ended")
	default:
	}
}

func TestSetEndpointAndHandle(t *testing.T) {
	r := New(Options{})
	id := add(t, r, Ready)
	if err := r.SetEndpoint(id, TCP("::1", 5001)); err != nil {
		t.Fatal(err)
	}
	if got, want := acquire(t, r).Endpoint(), TCP("::1", 5001); got != want {
		t.Errorf("endpoint %v, want %v", got, want)
	}
	if err := r.SetHandle(id, "pid 4711"); err != nil {
		t.Fatal(err)
	}
	if got := snapshotOf(t, r, id).Handle; got != "pid 4711" {
		t.Errorf("handle %q", got)
	}
	if err := r.SetHandle("nobody", ""); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("unknown instance: %v", err)
	}
}

func TestRefusedEjectsAndTells(t *testing.T) {
	r := New(Options{})
	bad, good := add(t, r, Ready), add(t, r, Ready)
	lease := acquire(t, r)
	lease.Refused()
	lease.Refused()
	lease.Release()
	if got := snapshotOf(t, r, bad).State; got != Unhealthy {
		t.Errorf("state of the instance that refused: %v", got)
	}
	if got := <-r.Suspects(); got != bad {
		t.Errorf("suspect %s, want %s", got, bad)
	}
	select {
	case id := <-r.Suspects():
		t.Errorf("told twice: %s", id)
	default:
	}
	for range 3 {
		if got := acquire(t, r).ID(); got != good {
			t.Errorf("got %s, want the good one", got)
		}
	}
}

func TestReadyKeepsStartOrder(t *testing.T) {
	r := New(Options{})
	var ids []ID
	for range 5 {
		ids = append(ids, add(t, r, Starting))
	}
	for _, i := range []int{3, 1, 4, 0, 2} {
		move(t, r, ids[i], Ready)
	}
	for i := range ids {
		if got := acquire(t, r).ID(); got != ids[i] {
			t.Errorf("pick %d is not instance %d", i, i)
		}
	}
}
