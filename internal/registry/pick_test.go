package registry

import (
	"errors"
	"slices"
	"testing"
)

func TestIdleTiesGoToTheFirst(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	first := add(t, r, Ready)
	add(t, r, Ready)
	for range 10 {
		lease := acquire(t, r)
		if lease.ID() != first {
			t.Fatal("another than the first idle instance was picked")
		}
		lease.Release()
	}
}

func TestLeastInFlight(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	a, b, c := add(t, r, Ready), add(t, r, Ready), add(t, r, Ready)
	leases := map[ID][]Lease{}
	for range 7 {
		l := acquire(t, r)
		leases[l.ID()] = append(leases[l.ID()], l)
	}
	counts := []int{len(leases[a]), len(leases[b]), len(leases[c])}
	slices.Sort(counts)
	if !slices.Equal(counts, []int{2, 2, 3}) {
		t.Fatalf("7 requests over 3 instances: %v", counts)
	}
	for _, l := range leases[b] {
		l.Release()
	}
	if got := acquire(t, r).ID(); got != b {
		t.Error("the idle instance was not picked")
	}
	if got := acquire(t, r).ID(); got != b {
		t.Error("the least busy instance was not picked")
	}
}

// TestBusyTiesTakeTurns: equally busy instances are picked in turns.
func TestBusyTiesTakeTurns(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	for range 4 {
		add(t, r, Ready)
		acquire(t, r)
	}
	picks := map[ID]int{}
	for range 400 {
		lease := acquire(t, r)
		picks[lease.ID()]++
		lease.Release()
	}
	for id, n := range picks {
		if n != 100 {
			t.Errorf("instance %s was picked %d times of 400, want 100", id, n)
		}
	}
}

func TestMaxConcurrency(t *testing.T) {
	t.Parallel()
	r := New(Options{MaxConcurrency: 2})
	add(t, r, Ready)
	add(t, r, Ready)
	leases := []Lease{acquire(t, r), acquire(t, r), acquire(t, r), acquire(t, r)}
	if _, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrQueueFull) {
		t.Fatalf("the fifth of 2 × 2: %v", err)
	}
	for _, in := range r.Snapshot().Instances {
		if in.InFlight != 2 {
			t.Errorf("in flight %d, want 2", in.InFlight)
		}
	}
	leases[3].Release()
	if got := acquire(t, r).ID(); got != leases[3].ID() {
		t.Error("the free place was not found")
	}
}

func TestOnlyReadyInstancesGetRequests(t *testing.T) {
	t.Parallel()
	for _, state := range []State{Starting, Unhealthy, Draining, Stopped} {
		r := New(Options{})
		add(t, r, state)
		if lease, err := r.Acquire(t.Context(), Preference{}); !errors.Is(err, ErrQueueFull) {
			t.Errorf("%v: Acquire = %v, %v; want ErrQueueFull", state, lease, err)
		}
	}
}

func TestReadyKeepsStartOrder(t *testing.T) {
	t.Parallel()
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
