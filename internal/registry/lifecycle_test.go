package registry

import (
	"errors"
	"testing"
)

func TestTransitionOutsideTheLifeCycle(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	id := add(t, r, Starting)
	if err := r.Transition(id, Unhealthy, "test"); err == nil {
		t.Error("a starting instance became unhealthy")
	}
	if got := snapshotOf(t, r, id).State; got != Starting {
		t.Errorf("state after a refused step: %v", got)
	}
	if err := r.Transition("unknown", Ready, "test"); !errors.Is(err, ErrUnknownInstance) {
		t.Errorf("unknown instance: %v", err)
	}
}

func TestStoppedInstancesAreRemoved(t *testing.T) {
	t.Parallel()
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
	lease.Release() // has no effect on a stopped instance
	if got := acquire(t, r); got.ID() != second {
		t.Errorf("got %s, want the remaining one", got.ID())
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
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
	<-drained // no request was in flight
	if _, err := r.Drain(idle, "test"); err == nil {
		t.Error("drained twice")
	}
}

func TestDrainingInstanceTakenBack(t *testing.T) {
	t.Parallel()
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
		t.Error("the channel of a cancelled drain was closed")
	default:
	}
}
