package registry

import "testing"

// TestReserve: the instances in reserve get requests only when the others are at the
// bound, the first of them first.
func TestReserve(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	var ids []ID
	for range 4 {
		ids = append(ids, add(t, r, Ready))
	}
	r.Reserve(2, 2)
	want := []int{0, 1, 0, 1, 2, 2}
	for i, at := range want {
		lease := acquire(t, r)
		if at == 0 || at == 1 {
			if lease.ID() != ids[0] && lease.ID() != ids[1] {
				t.Fatalf("request %d went to the reserve", i)
			}
			continue
		}
		if lease.ID() == ids[3] {
			t.Fatalf("request %d went to the last instance", i)
		}
	}
	r.Reserve(0, 1)
	if lease := acquire(t, r); lease.ID() != ids[3] {
		t.Error("the last instance is still in reserve")
	}
}

// TestReserveAll: one instance is never in reserve.
func TestReserveAll(t *testing.T) {
	t.Parallel()
	r := New(Options{})
	first := add(t, r, Ready)
	add(t, r, Ready)
	r.Reserve(9, 3)
	for range 3 {
		if lease := acquire(t, r); lease.ID() != first {
			t.Error("a request went to the reserve")
		}
	}
}
